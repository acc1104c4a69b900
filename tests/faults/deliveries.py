"""The same log, delivered in many ways: whatever the order and however often, the tables are the same in the end.

    python tests/faults/deliveries.py

Prints a line a way of delivery; exit code 1 if one leaves other tables than one load in order does. While days are
missing, the gate may stop a build; what comes last has to pass. The tables of `raw` hold what was delivered, a file
once: compared are those made of them.
"""

from __future__ import annotations

import gzip
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from scene import DAYS_BEFORE, Hashes, Reader, Scene, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Ways = dict[str, "Callable[[Sequence[Path], Path], list[list[Path]]]"]


def in_order(days: Sequence[Path], _: Path) -> list[list[Path]]:
    return [list(days)]


def in_any_order(days: Sequence[Path], _: Path) -> list[list[Path]]:
    mixed = random.Random(7).sample(list(days), len(days))  # noqa: S311 - any order will do
    third = len(days) // 3
    return [mixed[:third], mixed[third : 2 * third], mixed[2 * third :]]


def twice(days: Sequence[Path], _: Path) -> list[list[Path]]:
    return [list(days), list(days)]


def under_another_name(days: Sequence[Path], folder: Path) -> list[list[Path]]:
    whole = folder / "whole.log.gz"
    with gzip.open(whole, "wb") as file:
        for day in days:
            file.write(day.read_bytes())
    return [list(days), [whole]]


def overlapping(days: Sequence[Path], folder: Path) -> list[list[Path]]:
    """Each file begins with the second half of the one before."""
    files, before = [], b""
    for day in days:
        lines = day.read_bytes().splitlines(keepends=True)
        file = folder / f"overlapping-{day.name}"
        file.write_bytes(before + b"".join(lines))
        before = b"".join(lines[len(lines) // 2 :])
        files.append(file)
    return [files]


def late(days: Sequence[Path], folder: Path) -> list[list[Path]]:
    """Some events of a day come when the days after it have been published."""
    number = DAYS_BEFORE // 2
    lines = days[number].read_bytes().splitlines(keepends=True)
    most, rest = folder / "most.json", folder / "rest.json"
    most.write_bytes(b"".join(line for place, line in enumerate(lines) if place % 10))
    rest.write_bytes(b"".join(lines[::10]))
    return [[*days[:number], most, *days[number + 1 :]], [rest]]


def growing(days: Sequence[Path], folder: Path) -> list[list[Path]]:
    """The last file is read in the middle of a line, and once more when it is whole."""
    whole = days[-1].read_bytes()
    begun = folder / "begun.json"
    begun.write_bytes(whole[: len(whole) // 2])
    return [[*days[:-1], begun], [days[-1]]]


WAYS: Ways = {
    "in order": in_order,
    "in any order": in_any_order,
    "twice": twice,
    "once more under another name": under_another_name,
    "overlapping files": overlapping,
    "a late file": late,
    "a file that is being written": growing,
}


def deliver(scene: Scene, reader: Reader, deliveries: list[list[Path]]) -> Hashes:
    """Ingest and build each delivery; return the tables that are made of `raw`."""
    shutil.rmtree(scene.home, ignore_errors=True)
    for files in deliveries:
        ingested = scene.command("ingest", "--quiet", *map(str, files))
        built = scene.command("build", "--quiet")
        if ingested.returncode or built.returncode > (files != deliveries[-1]):
            raise SystemExit(ingested.stderr + built.stderr)
    return {name: seen for name, seen in reader.plainly().items() if not name.startswith("raw.")}


def main() -> int:
    """Try all ways; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        simulate(scene)
        days = [*sorted(scene.log(later=False).iterdir()), *sorted(scene.log(later=True).iterdir())]
        reader = Reader(scene)
        wanted: Hashes = {}
        differ = 0
        for way, divided in WAYS.items():
            found = deliver(scene, reader, divided(days, scene.folder))
            wanted = wanted or found
            others = [f"{name} differs" for name, seen in wanted.items() if found[name] != seen]
            differ += bool(others)
            print(f"{way}: {'; '.join(others) or 'the same tables'}", flush=True)
        print(f"deliveries tried: {len(WAYS)}, with the same tables in the end: {len(WAYS) - differ}")
        reader.spark.stop()
        return int(bool(differ))


if __name__ == "__main__":
    sys.exit(main())
