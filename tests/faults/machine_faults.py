"""A full disk, a folder that cannot be written to, damaged metadata, too little memory: what a run says of each.

    python tests/faults/machine_faults.py

Needs root: the state folder is a small file system of its own. For each fault the next run has to end with exit code 2
and say what to do; what was published has to be readable as it was; and once the fault is gone, the same run has to
leave the tables of an undisturbed one. Prints a line a fault; exit code 1 if one was not survived.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scene import Hashes, Reader, Scene, prepared

if TYPE_CHECKING:
    from collections.abc import Callable

SPARE_BYTES = 8_000_000
ENOUGH = "4g"
DAMAGED = "marts.fct_user_features"


@dataclass(frozen=True)
class Fault:
    """How a fault comes and goes, and what a run has to say of it; `environment` is the run's."""

    name: str
    begin: Callable[[Scene], None]
    end: Callable[[Scene], None]
    said: str
    environment: tuple[tuple[str, str], ...] = ()


def mount(*options: str) -> None:
    subprocess.run(["mount", *options], check=True)


def mount_state(scene: Scene, size: str) -> None:
    """Put the kept state on a file system of its own."""
    shutil.rmtree(scene.home, ignore_errors=True)
    scene.home.mkdir()
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(scene.home))
    shutil.copytree(scene.kept, scene.home, dirs_exist_ok=True)


def fill(scene: Scene) -> None:
    used = shutil.disk_usage(scene.home).used
    mount("-o", f"remount,size={used + SPARE_BYTES}", str(scene.home))


def enlarge(scene: Scene) -> None:
    mount("-o", f"remount,size={ENOUGH}", str(scene.home))


def forbid(scene: Scene) -> None:
    mount("-o", "remount,ro", str(scene.home))


def permit(scene: Scene) -> None:
    mount("-o", "remount,rw", str(scene.home))


def damage(scene: Scene) -> None:
    """Cut off the newest metadata of a table in its middle."""
    folder = scene.home / "warehouse" / Path(*DAMAGED.split(".")) / "metadata"
    newest = max(folder.glob("v*.metadata.json"), key=lambda path: int(path.name[1:].partition(".")[0]))
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])


def mend(scene: Scene) -> None:
    told = scene.command("doctor", "--mend")
    if told.returncode:
        print(told.stdout, told.stderr)


def nothing(_: Scene) -> None:
    """The fault lies in the environment of the run alone."""


FAULTS = (
    Fault("full disk", fill, enlarge, "is full: free some space"),
    Fault("read-only state folder", forbid, permit, "cannot be written to: make it writable"),
    Fault("too little memory", nothing, nothing, "SPARKHOUSE_DRIVER_MEMORY", (("SPARKHOUSE_DRIVER_MEMORY", "460m"),)),
)
READ = f"select count(*) as rows, sum(xxhash64(*)) as hash from {DAMAGED}"


def survive(scene: Scene, fault: Fault, reader: Reader, before: Hashes, after: Hashes) -> list[str]:
    """Let a fault come, and return what went wrong."""
    mount_state(scene, ENOUGH)
    try:
        wrong = []
        usual = scene.command("sql", READ)
        fault.begin(scene)
        run = scene.command("run", "--quiet", "--events", str(scene.log(later=True)), **dict(fault.environment))
        if run.returncode != 2 or fault.said not in run.stderr or "Traceback" in run.stderr:
            wrong.append(f"exit code {run.returncode}: {run.stderr[-800:]}")
        read = scene.command("sql", READ)
        if (read.returncode, read.stdout) != (0, usual.stdout):
            wrong.append(f"what was published cannot be read: {read.stdout[-300:]} {read.stderr[-800:]}")
        if reader.plainly() != before:
            wrong.append("what was published has changed")
        fault.end(scene)
        again = scene.command("run", "--quiet", "--events", str(scene.log(later=True)))
        if again.returncode or reader.plainly() != after:
            wrong.append(f"the next run ended with {again.returncode}: {again.stderr[-800:]}")
        return wrong
    finally:
        subprocess.run(["umount", "--lazy", str(scene.home)], check=True)


def survive_damage(scene: Scene, reader: Reader, before: Hashes) -> list[str]:
    """Damage the metadata of a table: readers are told, others can be read, and it can be mended."""
    mount_state(scene, ENOUGH)
    try:
        wrong = []
        damage(scene)
        read = scene.command("sql", READ)
        if read.returncode != 2 or "sparkhouse doctor --mend" not in read.stderr or "Traceback" in read.stderr:
            wrong.append(f"reading it: exit code {read.returncode}: {read.stderr[-800:]}")
        if scene.command("sql", "select count(*) as rows from marts.fct_churn_labels").returncode:
            wrong.append("another table cannot be read")
        mend(scene)
        if reader.plainly() != before:
            wrong.append("the mended table is not as it was published")
        return wrong
    finally:
        subprocess.run(["umount", "--lazy", str(scene.home)], check=True)


def main() -> int:
    """Try all faults; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        scene = prepared(Path(folder))
        reader = Reader(scene)
        before = reader.plainly()
        scene.run()
        after = reader.plainly()
        found = {fault.name: survive(scene, fault, reader, before, after) for fault in FAULTS}
        found["damaged metadata"] = survive_damage(scene, reader, before)
        for name, wrong in found.items():
            print(f"{name}: {'; '.join(wrong) or 'ok'}", flush=True)
        print(f"faults tried: {len(found)}, survived: {sum(not wrong for wrong in found.values())}")
        reader.spark.stop()
        return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
