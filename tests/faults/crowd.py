"""Two runs, a loop of queries and an upkeep at once: no error but the lock's, and no wrong answer.

    python tests/faults/crowd.py

The runs bring the same days, one of them waits for the other; the upkeep is refused or waits. Meanwhile queries ask
how many events there are, and how many of them the users' days add up to: the two have to agree at every moment, on
one state or the other. Prints what each did; exit code 1 if an answer was wrong or anything but the lock stopped a
command.
"""

from __future__ import annotations

import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from scene import Scene, prepared

if TYPE_CHECKING:
    import subprocess

LOCKED = "is writing to"
# Both sides of a query are of one state, or they do not agree.
QUESTION = """
select
    (select count_if(page not like 'Cancel%') from staging.stg_sparkify__events) as events,
    (select sum(event_count) from intermediate.int_user_days) as counted
"""


def ask(scene: Scene) -> tuple[int, int]:
    answer = scene.command("sql", QUESTION, "--format", "json")
    if answer.returncode:
        raise SystemExit(f"a query failed: {answer.stderr}")
    (row,) = json.loads(answer.stdout)
    return row["events"], row["counted"]


def is_well(done: subprocess.CompletedProcess[str]) -> bool:
    return done.returncode == 0 or LOCKED in done.stderr


def main() -> int:
    """Let them all loose; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        scene = prepared(Path(folder))
        before = ask(scene)
        run = ("run", "--quiet", "--events", str(scene.log(later=True)))
        with ThreadPoolExecutor() as crowd:
            writers = {
                "a run": crowd.submit(scene.command, *run),
                "a run that waits": crowd.submit(scene.command, *run, "--wait"),
                "an upkeep": crowd.submit(scene.command, "maintain", "--quiet"),
                "an upkeep that waits": crowd.submit(scene.command, "maintain", "--quiet", "--wait"),
            }
            answers = []
            while not all(writer.done() for writer in writers.values()):
                answers.append(ask(scene))
        after = ask(scene)
        wrong = [answer for answer in answers if answer not in {before, after} or answer[0] != answer[1]]
        ended = {name: writer.result() for name, writer in writers.items()}
        for name, done in ended.items():
            told = "refused by the lock" if done.returncode else "done"
            print(f"{name}: {told if is_well(done) else done.stderr}")
        print(f"queries: {len(answers)}, of the state before {answers.count(before)}, after {answers.count(after)}")
        print(f"wrong answers: {len(wrong)}, errors: {sum(not is_well(done) for done in ended.values())}")
        return int(bool(wrong) or before == after or not all(map(is_well, ended.values())))


if __name__ == "__main__":
    sys.exit(main())
