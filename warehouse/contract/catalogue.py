"""The catalogue of features, as it stands beside the model: read without dbt and without Spark."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from warehouse.contract.dbt_yaml import DOC_BLOCKS, MODELS, doc_blocks, loaded, resolved
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

CATALOGUE = MODELS / "marts" / "_marts__features.yml"
MART_MODELS = MODELS / "marts" / "_marts__models.yml"

MODEL, LABEL_MODEL = "fct_user_features", "fct_churn_labels"
NO_FEATURES = ("user_id", "as_of_date", "last_event_at")
GROUPS = (
    "volume",
    "pages",
    "rates",
    "sessions",
    "plan",
    "calendar",
    "recency",
    "trend",
    "baseline",
    "weighted",
    "profile",
)
LEAK_CLASSES = ("none", "tenure", "profile", "hazard")
NEVER, UNRECORDED = "never", "unrecorded"
KEYS = ("group", "formula", "unit", "range", "null_rule", "leak_class")
# Types whose range is a list of values: empty for any, as of a boolean.
LISTED = ("string", "boolean")
BOUNDS = 2
# What stands in a condition but names no column: texts, functions, words of SQL.
NO_NAMES = re.compile(
    r"'[^']*'|\w+\s*\(|\b(and|or|not|is|null|in|between|like|true|false|case|when|then|else|end|as|date|double|int)\b"
)


class BrokenCatalogue(SparkhouseError, ValueError):
    """The catalogue says too little or the wrong thing of some features: one line for each fault."""

    def __init__(self, path: Path, faults: Collection[str]) -> None:
        super().__init__("\n".join([f"The catalogue of features, {path.name}, needs mending:", *faults]))


@dataclass(frozen=True)
class Feature:
    """What the catalogue says of one column of marts.fct_user_features.

    `lowest` and `highest` bound a number, None without a limit; `allowed` are the values of a string, empty for any.
    `null_rule` is `never`, `unrecorded` (the log does not say) or the SQL condition under which, and only
    under which, the feature is NULL. `alarm` tells, by label, why this column alone may rank the label very well.
    """

    name: str
    data_type: str
    description: str
    group: str
    formula: str
    unit: str
    lowest: float | None
    highest: float | None
    allowed: tuple[str, ...]
    null_rule: str
    leak_class: str
    alarm: Mapping[str, str]


def features(
    catalogue: Path = CATALOGUE, mart_models: Path = MART_MODELS, docs_file: Path = DOC_BLOCKS
) -> tuple[Feature, ...]:
    """Return all features, in the order of the table's columns.

    Raises:
        BrokenCatalogue: with every fault of every column.
    """
    columns = _columns(catalogue, MODEL)
    names = {column["name"] for column in columns}
    labels = {column["name"] for column in _columns(mart_models, LABEL_MODEL) if column.get("data_type") == "boolean"}
    docs = doc_blocks(docs_file)
    described = [column for column in columns if column["name"] not in NO_FEATURES]
    faults = [f"{column['name']}: {fault}" for column in described for fault in _faults(column, names, labels, docs)]
    faults += [f"{name}: stands in the catalogue twice" for name in sorted(_repeated(columns))]
    if faults:
        raise BrokenCatalogue(catalogue, faults)
    return tuple(_feature(column, docs) for column in described)


def _columns(path: Path, model: str) -> list[dict[str, Any]]:
    columns: list[dict[str, Any]] = next(entry["columns"] for entry in loaded(path)["models"] if entry["name"] == model)
    return columns


def _repeated(columns: list[dict[str, Any]]) -> set[str]:
    names = [column["name"] for column in columns]
    return {name for name in names if names.count(name) > 1}


def _feature(column: dict[str, Any], docs: Mapping[str, str]) -> Feature:
    meta = _meta(column)
    is_number = column["data_type"] not in LISTED
    lowest, highest = meta["range"] if is_number else (None, None)
    return Feature(
        name=column["name"],
        data_type=column["data_type"],
        description=resolved(column["description"], docs),
        group=meta["group"],
        formula=str(meta["formula"]),
        unit=str(meta["unit"]),
        lowest=lowest,
        highest=highest,
        allowed=() if is_number else tuple(meta["range"]),
        null_rule=meta["null_rule"],
        leak_class=meta["leak_class"],
        alarm=dict(meta.get("alarm") or {}),
    )


def _meta(column: dict[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = (column.get("config") or {}).get("meta") or {}
    return meta


def _faults(
    column: dict[str, Any], names: Collection[str], labels: Collection[str], docs: Mapping[str, str]
) -> Iterator[str]:
    meta = _meta(column)
    entry = {"data_type": column.get("data_type"), "description": column.get("description"), **meta}
    for key in ("data_type", "description", *KEYS):
        # An empty list is an answer: any value.
        if entry.get(key) is None or entry[key] == "":
            yield f"{key} is missing"
    for doc in re.findall(r"doc\('(\w+)'\)", entry["description"] or ""):
        if doc not in docs:
            yield f"there is no doc block {doc!r} in {DOC_BLOCKS.name}"
    yield from _unknown_word("group", meta, GROUPS)
    yield from _unknown_word("leak_class", meta, LEAK_CLASSES)
    yield from _range_faults(meta.get("range"), column.get("data_type"))
    for name in sorted(_names_in(str(meta.get("null_rule") or NEVER)) - set(names)):
        yield f"null_rule names {name!r}, which is no column"
    yield from _alarm_faults(meta.get("alarm"), labels)
    for key in sorted(set(meta) - {*KEYS, "alarm"}):
        yield f"{key!r} is not known: the keys are {', '.join(KEYS)} and alarm"


def _unknown_word(key: str, meta: dict[str, Any], known: Collection[str]) -> Iterator[str]:
    if meta.get(key) and meta[key] not in known:
        yield f"{key} {meta[key]!r} is not one of {', '.join(known)}"


def _range_faults(bounds: Any, data_type: str | None) -> Iterator[str]:  # noqa: ANN401 - whatever the file holds
    if bounds is None:
        return
    if data_type in LISTED:
        if not isinstance(bounds, list) or any(not isinstance(value, str) for value in bounds):
            yield f"range {bounds!r} is not a list of the values of a {data_type} ([] for any)"
    elif not isinstance(bounds, list) or len(bounds) != BOUNDS or not all(_is_bound(bound) for bound in bounds):
        yield f"range {bounds!r} is not [lowest, highest], numbers or null"
    elif None not in bounds and bounds[0] > bounds[1]:
        yield f"range {bounds!r} has its lowest above its highest"


def _is_bound(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _names_in(null_rule: str) -> set[str]:
    """The columns that a condition names."""
    if null_rule in {NEVER, UNRECORDED}:
        return set()
    return set(re.findall(r"\b[a-z_]\w*", NO_NAMES.sub(" ", null_rule.lower())))


def _alarm_faults(alarm: Any, labels: Collection[str]) -> Iterator[str]:  # noqa: ANN401 - whatever the file holds
    if alarm is None:
        return
    if not isinstance(alarm, dict):
        yield f"alarm {alarm!r} is not a mapping of label to reason"
        return
    for label, reason in alarm.items():
        if label not in labels:
            yield f"alarm names {label!r}, which is none of the labels {', '.join(sorted(labels))}"
        if not isinstance(reason, str) or not reason.strip():
            yield f"alarm gives no reason for {label}"
