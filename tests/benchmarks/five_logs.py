"""How good the champion is on five simulated logs of 2,250 users: all five, with 95 % intervals, and the means.

    python tests/benchmarks/five_logs.py [FOLDER]

Each log gets a state folder of its own in FOLDER (a temporary one if not given); what is there already is used again.
The models are trained on the Mondays from 2018-10-08 to 2018-10-22 and tested on 2018-11-05 and 2018-11-12 pooled. A
bin of a tenth of the test rows is reliable if its mean prediction lies in the 95 % interval of its observed rate. Of
true probabilities one bin in twenty is off by chance; exit code 1 if more are than chance explains in 99 of 100 cases.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from scipy.stats import binom  # type: ignore[import-untyped]

SPARKHOUSE = Path(sys.executable).parent / "sparkhouse"
SEEDS = range(1, 6)
METRICS = ("auc", "average_precision", "brier_skill", "calibration_error", "lift_top_10")
BASELINES = ("best_single_feature", "no_skill")
NEWEST = "select * from ml.model_versions where label = 'churned_in_time_bin' order by trained_at desc limit 1"


def sparkhouse(home: Path, *arguments: str) -> str:
    """Run a command on a state folder and return what it printed."""
    environment = os.environ | {"SPARKHOUSE_HOME": str(home)}
    command = [str(SPARKHOUSE), *arguments]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def trained(folder: Path, seed: int) -> dict[str, Any]:
    """Return the row of ml.model_versions of a model trained on one log."""
    home = folder / f"s{seed}"
    if not (home / "warehouse" / "marts" / "fct_churn_labels").is_dir():
        log = folder / f"{seed}.json"
        sparkhouse(home, "simulate", "--users", "2250", "--ids", "random", "--seed", str(seed), "--out", str(log))
        sparkhouse(home, "ingest", str(log))
        log.unlink()
        sparkhouse(home, "build")
    sparkhouse(home, "train", "--promote", "force")
    [row] = json.loads(sparkhouse(home, "sql", NEWEST, "--format", "json"))
    version: dict[str, Any] = row
    return version


def told(metrics: dict[str, float], name: str) -> str:
    low, high = (metrics[f"test_{name}_{end}"] for end in ("low", "high"))
    return f"{metrics[f'test_{name}']:.3f} [{low:.3f}, {high:.3f}]"


def main(folder: Path) -> int:
    """Print one row a log, then the means of the champions and of the baselines; return the exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    print("| log | champion | test rows | positive |", " | ".join(METRICS), "| reliable bins |")
    print("|---|---|---|---|" + "---|" * (len(METRICS) + 1), flush=True)
    rows = []
    for seed in SEEDS:
        row = trained(folder, seed)
        rows.append(row["metrics"])
        cells = (told(row["metrics"], name) for name in METRICS)
        counts = f"{row['test_rows']:,} | {row['test_positives']}"
        bins = f"{row['metrics']['test_bins_within']:.0f} of {row['metrics']['test_bins']:.0f}"
        print(f"| seed {seed} | {row['algorithm']} | {counts} |", " | ".join(cells), f"| {bins} |", flush=True)
    means = (f"{mean(metrics[f'test_{name}'] for metrics in rows):.3f}" for name in METRICS)
    within, judged = (int(sum(metrics[name] for metrics in rows)) for name in ("test_bins_within", "test_bins"))
    print("| mean | | | |", " | ".join(means), f"| {within} of {judged} |")
    for model in BASELINES:
        means = (f"{mean(metrics[f'test_{name}.{model}'] for metrics in rows):.3f}" for name in METRICS)
        print(f"| mean | {model} | | |", " | ".join(means), "| |")
    return int(within < binom.ppf(0.01, judged, 0.95))


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(main(Path(sys.argv[1])))
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(Path(temporary)))
