"""What a whole build takes on logs of the same users over more and more days: processor time of all processes.

python tests/benchmarks/growth_in_days.py [USERS [DAYS ...]]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measured import SPARKHOUSE, measured, simulated

DAYS = (61, 244, 730)


def main(users: int, spans: tuple[int, ...]) -> None:
    """Ingest and build each, the shortest first."""
    first: tuple[float, int] | None = None
    for days in spans:
        with tempfile.TemporaryDirectory() as folder:
            log = simulated(Path(folder), "--users", f"{users}", "--days", f"{days}")
            home, size = Path(folder) / "home", log.stat().st_size
            measured(SPARKHOUSE, "ingest", "--quiet", log, home=home)
            built = measured(SPARKHOUSE, "build", "--quiet", home=home)
        first = first or (built.cpu_seconds, size)
        print(
            f"{users} users, {days} days, {size / 1e6:,.0f} MB: build {built}; {size / first[1]:.1f} times the log, "
            f"{built.cpu_seconds / first[0]:.2f} times the processor time",
            flush=True,
        )


if __name__ == "__main__":
    chosen = [int(each) for each in sys.argv[1:]] or [225]
    main(chosen[0], tuple(chosen[1:]) or DAYS)
