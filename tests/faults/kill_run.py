"""`kill -9` of the whole process group of `sparkhouse run`, at moments spread over all of it.

    python tests/faults/kill_run.py [MOMENTS]

A log of 150 users is run up to a day, and that state is kept. Then a second run brings the days after it: once
undisturbed, and MOMENTS times more (25 if not given) from the kept state, each time killed at another moment; a few
times more in the middle of a publication. After each kill a reader looks at all tables, plainly and through
`sparkhouse sql`'s view of them; then the run is started again and its tables are compared with the undisturbed ones,
by the hashes of their rows. Prints a line a moment and a summary; exit code 1 if anything was seen half-done or lost.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scene import NOTHING, Hashes, Reader, Scene, prepared

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_PUBLICATIONS = 3


@dataclass(frozen=True)
class Witness:
    """What a reader may see: the state before or after, table by table; in one view, one state of all tables.

    Predictions and models are published after the tables that they are made of: these may be new, those old.
    """

    before: Hashes
    after: Hashes
    columns_after: dict[str, dict[str, int]]

    def faults(self, plainly: Hashes, together: Hashes) -> Iterator[str]:
        for name, seen in plainly.items():
            if seen not in {self.before.get(name, NOTHING), self.after[name]}:
                yield f"{name} has {seen.rows} rows of neither state"
        for group in ("warehouse", "ml"):
            names = [name for name in together if name.startswith("ml.") == (group == "ml")]
            states = [
                state
                for state in (self.before, self.after)
                if all(together[name] == state.get(name, NOTHING) for name in names)
            ]
            if not states:
                yield f"the {group} tables are seen in two states at once"

    def differing(self, name: str, reader: Reader) -> list[str]:
        """The columns of a table that are not as they are after an undisturbed run."""
        found = reader.columns(name)
        return [column for column, seen in self.columns_after[name].items() if found.get(column) != seen]

    def lost(self, finally_: Hashes) -> int:
        """How many rows the tables lack in the end."""
        return sum(max(0, self.after[name].rows - finally_.get(name, NOTHING).rows) for name in self.after)


def kill_when(scene: Scene, seconds: float | None) -> str:
    """Start a run, kill it after some seconds (or in the middle of a publication), say what it was at."""
    process, started = scene.start(), time.monotonic()
    published = False
    while process.poll() is None:
        if seconds is not None and time.monotonic() - started >= seconds:
            break
        if seconds is None and scene.is_publishing:
            published = True
            break
        time.sleep(0.002 if seconds is None else 0.05)
    if process.poll() is not None:
        return "it had ended"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return "in a publication" if published else f"after {', '.join(scene.steps_done) or 'no step'}"


def attempt(scene: Scene, reader: Reader, witness: Witness, seconds: float | None) -> tuple[str, list[str], int]:
    """Return what was killed, what was wrong, and the rows lost."""
    scene.restore()
    place = kill_when(scene, seconds)
    left = reader.plainly()
    faults = list(witness.faults(left, reader.together()))
    # A run that was killed after its last publication has nothing left to do: the next would add a version of its own.
    code = scene.start().wait() if left != witness.after else 0
    if code:
        faults.append(f"the next run ended with {code}: {scene.told[-600:]}")
    ended = reader.plainly()
    faults += [
        f"{name} differs in the end in {', '.join(witness.differing(name, reader)) or 'its rows'}"
        for name, seen in witness.after.items()
        if ended.get(name, NOTHING) != seen
    ]
    return place, faults, witness.lost(ended)


def main(moments: int) -> int:
    """Try all moments; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        scene = prepared(Path(folder))
        reader = Reader(scene)
        before, started = reader.plainly(), time.monotonic()
        scene.run()
        seconds = time.monotonic() - started
        after = reader.plainly()
        witness = Witness(before, after, {name: reader.columns(name) for name in after})
        print(f"undisturbed: {seconds:.1f} s, {sum(seen.rows for seen in witness.after.values()):,} rows", flush=True)
        times = [*((number + 0.5) / moments * seconds for number in range(moments)), *[None] * IN_PUBLICATIONS]
        survived, lost = 0, 0
        for number, at in enumerate(times, 1):
            place, faults, rows = attempt(scene, reader, witness, at)
            survived, lost = survived + (not faults), lost + rows
            told = f"{at:5.1f} s" if at is not None else "journal"
            print(f"{number:3} killed at {told}, {place}: {'; '.join(faults) or 'ok'}", flush=True)
        print(f"moments tried: {len(times)}, faults survived: {survived}, rows lost: {lost}")
        reader.spark.stop()
        return 0 if survived == len(times) and not lost else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 25))
