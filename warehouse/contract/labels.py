"""What is known of each label, as it stands beside the model: read without dbt and without Spark."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from warehouse.contract.dbt_yaml import MODELS, loaded
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

LABEL_CATALOGUE = MODELS / "marts" / "_marts__models.yml"
MODEL = "fct_churn_labels"
RISK, LIKELIHOOD = "risk", "likelihood"


class BrokenLabels(SparkhouseError, ValueError):
    """The catalogue says too little or the wrong thing of some labels: one line for each fault."""

    def __init__(self, path: Path, faults: Collection[str]) -> None:
        super().__init__("\n".join([f"The labels in {path.name} need mending:", *faults]))


@dataclass(frozen=True)
class Label:
    """What is known of one binary label of marts.fct_churn_labels.

    `horizons_ahead` is how many horizons past as_of it looks: the embargo between training and test has to be as long.
    `plausible_share` is the lowest and highest share of snapshots with the outcome, among those where it is known.
    Nothing in the past of a user tells much of a memoryless label: to rank it very well is suspicious. `raises` says
    what a reason for it raises: the risk, or the likelihood of what is no risk.
    """

    name: str
    horizons_ahead: int
    means_leaving: bool
    is_memoryless: bool
    plausible_share: tuple[float, float]
    raises: str


@cache
def labels(path: Path = LABEL_CATALOGUE) -> tuple[Label, ...]:
    """Return the binary labels, in the order of the table's columns: the first is meant where none is named.

    Raises:
        BrokenLabels: with every fault of every label.
    """
    columns = next(entry["columns"] for entry in loaded(path)["models"] if entry["name"] == MODEL)
    metas = {column["name"]: _meta(column) for column in columns if column.get("data_type") == "boolean"}
    faults = [f"{name}: {fault}" for name, meta in metas.items() for fault in _faults(meta)]
    if faults or not metas:
        raise BrokenLabels(path, faults or [f"{MODEL} has no boolean column"])
    return tuple(_label(name, meta) for name, meta in metas.items())


def label_named(name: str) -> Label:
    """Return a label by its name. Raises KeyError."""
    return {label.name: label for label in labels()}[name]


def label_names() -> list[str]:
    """Return the names of the labels, in the order of the table's columns."""
    return [label.name for label in labels()]


def default_label() -> str:
    """Return the name of the label that is meant where none is named."""
    return label_names()[0]


def _meta(column: dict[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = (column.get("config") or {}).get("meta") or {}
    return meta


def _label(name: str, meta: dict[str, Any]) -> Label:
    lowest, highest = meta["plausible_share"]
    return Label(**{**meta, "name": name, "plausible_share": (lowest, highest)})


def _faults(meta: dict[str, Any]) -> Iterator[str]:
    musts = {
        "horizons_ahead": (_is_count, "a whole number of horizons, 1 or more"),
        "means_leaving": (_is_flag, "true or false"),
        "is_memoryless": (_is_flag, "true or false"),
        "plausible_share": (_is_range_of_shares, "[lowest, highest], shares from 0 to 1"),
        "raises": ((RISK, LIKELIHOOD).__contains__, f"{RISK} or {LIKELIHOOD}"),
    }
    for key, (is_right, must) in musts.items():
        if key not in meta:
            yield f"{key} is missing: {must}"
        elif not is_right(meta[key]):
            yield f"{key} must be {must}, not {meta[key]!r}"
    for key in sorted(set(meta) - set(musts)):
        yield f"{key!r} is not known: the keys are {', '.join(musts)}"


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_range_of_shares(value: object) -> bool:
    bounds = value if isinstance(value, list) else []
    numbers = [bound for bound in bounds if isinstance(bound, (int, float)) and not isinstance(bound, bool)]
    return len(numbers) == len(bounds) == 2 and 0 <= numbers[0] <= numbers[1] <= 1  # noqa: PLR2004 - a pair
