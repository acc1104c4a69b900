"""The catalogue of features, as it stands beside the model: read without dbt and without Spark."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, cast, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from warehouse.contract.dbt_yaml import DOC_BLOCKS, MODELS, doc_blocks, loaded, resolved
from warehouse.contract.errors import SparkhouseError
from warehouse.contract.labels import label_names

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pydantic_core import ErrorDetails

CATALOGUE = MODELS / "marts" / "_marts__features.yml"

MODEL = "fct_user_features"
NO_FEATURES = ("user_id", "as_of_date", "last_event_at")
Group = Literal[
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
]
GROUPS: tuple[str, ...] = get_args(Group)
LeakClass = Literal["none", "tenure", "profile", "hazard"]
Form = Literal["count", "share", "age", "entropy", "change", "slope", "difference", "deviation", "flag", "text"]
NEVER, UNRECORDED = "never", "unrecorded"
# Types whose range is a list of values: empty for any, as of a boolean.
LISTED = ("string", "boolean")
# What stands in a condition but names no column: texts, functions, words of SQL.
NO_NAMES = re.compile(
    r"'[^']*'|\w+\s*\(|\b(and|or|not|is|null|in|between|like|true|false|case|when|then|else|end|as|date|double|int)\b"
)
# What dbt itself knows of a column; all else stands in its meta, the last three as `range`.
COLUMN = ("name", "data_type", "description")
RANGE = ("lowest", "highest", "allowed")
# What the range of a number is, unless it is said.
ANY_AMOUNT = (0, None)
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class BrokenCatalogue(SparkhouseError, ValueError):
    """The catalogue says too little or the wrong thing of some features: one line for each fault."""

    def __init__(self, path: Path, faults: Collection[str]) -> None:
        super().__init__("\n".join([f"The catalogue of features, {path.name}, needs mending:", *faults]))


class Known(NamedTuple):
    """What the entries of a catalogue may name: columns of the table, labels, and doc blocks with their texts."""

    columns: Collection[str]
    labels: Collection[str]
    docs: dict[str, str]


class Feature(BaseModel):
    """What the catalogue says of one column of marts.fct_user_features.

    `lowest` and `highest` bound a number, None without a limit; `allowed` are the values of a string, empty for any.
    `null_rule` is `never`, `unrecorded` (the log does not say) or the SQL condition under which, and only
    under which, the feature is NULL. `alarm` tells, by label, why this column alone may rank the label very well.
    `form` is how reasons write its values, `noun` what they are values of, `missing` what is said where it is NULL
    (empty: what the form says).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    data_type: Text
    description: Text
    group: Group
    formula: Text
    unit: Text
    lowest: int | float | None
    highest: int | float | None
    allowed: tuple[str, ...]
    null_rule: Text = NEVER
    leak_class: LeakClass = "none"
    alarm: dict[str, Text] = Field(default_factory=dict)
    form: Form = "count"
    noun: Text
    missing: str = ""

    @model_validator(mode="before")
    @classmethod
    def _bounded(cls, entry: dict[str, Any]) -> dict[str, Any]:
        """The entry with `lowest`, `highest` and `allowed` in place of the range that it says, or need not say."""
        rest = {key: value for key, value in entry.items() if key != "range"}
        if set(RANGE) & set(rest):
            raise ValueError(f"{', '.join(RANGE)} are said as range")
        if entry.get("data_type") in LISTED:
            return rest | {"lowest": None, "highest": None, "allowed": _values(entry.get("range", []))}
        lowest, highest = _bounds(entry.get("range", [*ANY_AMOUNT]))
        return rest | {"lowest": lowest, "highest": highest, "allowed": ()}

    @field_validator("description")
    @classmethod
    def _resolved(cls, text: str, info: ValidationInfo) -> str:
        docs = _context(info).docs
        for doc in re.findall(r"doc\('(\w+)'\)", text):
            if doc not in docs:
                raise ValueError(f"names the doc block {doc!r}, which is not in {DOC_BLOCKS.name}")
        return resolved(text, docs)

    @field_validator("null_rule")
    @classmethod
    def _names_columns(cls, rule: str, info: ValidationInfo) -> str:
        unknown = sorted(_names_in(rule) - set(_context(info).columns))
        if unknown:
            raise ValueError(f"names no column: {', '.join(unknown)}")
        return rule

    @field_validator("alarm")
    @classmethod
    def _names_labels(cls, alarm: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        unknown = sorted(set(alarm) - set(_context(info).labels))
        if unknown:
            labels = ", ".join(sorted(_context(info).labels))
            raise ValueError(f"names none of the labels {labels}: {', '.join(unknown)}")
        return alarm


def features(catalogue: Path = CATALOGUE, docs_file: Path = DOC_BLOCKS) -> tuple[Feature, ...]:
    """Return all features, in the order of the table's columns.

    Raises:
        BrokenCatalogue: with every fault of every column.
    """
    columns = _columns(catalogue, MODEL)
    known = Known({column["name"] for column in columns}, label_names(), doc_blocks(docs_file))
    listed, faults = [], []
    for column in columns:
        if column["name"] in NO_FEATURES:
            continue
        try:
            listed.append(Feature.model_validate(_entry(column), context=known))
        except ValidationError as broken:
            faults += [f"{column['name']}: {_fault(error)}" for error in broken.errors()]
    faults += [f"{name}: stands in the catalogue twice" for name in sorted(_repeated(columns))]
    if faults:
        raise BrokenCatalogue(catalogue, faults)
    return tuple(listed)


@cache
def features_by_name() -> dict[str, Feature]:
    """Return the features of the warehouse by name, read once: for what asks again and again."""
    return {feature.name: feature for feature in features()}


KEYS = (*(key for key in Feature.model_fields if key not in {*COLUMN, *RANGE}), "range")


def _columns(path: Path, model: str) -> list[dict[str, Any]]:
    columns: list[dict[str, Any]] = next(entry["columns"] for entry in loaded(path)["models"] if entry["name"] == model)
    return columns


def _entry(column: dict[str, Any]) -> dict[str, Any]:
    """What dbt keeps of a column at its top, and what we keep in its meta, as one."""
    described = {key: column[key] for key in COLUMN if key in column}
    return ((column.get("config") or {}).get("meta") or {}) | described


def _repeated(columns: list[dict[str, Any]]) -> set[str]:
    names = [column["name"] for column in columns]
    return {name for name in names if names.count(name) > 1}


def _fault(error: ErrorDetails) -> str:
    """What is wrong, with the key that it is wrong of."""
    key, value = ".".join(map(str, error["loc"])), error["input"]
    if error["type"] == "extra_forbidden":
        return f"{key!r} is not known: the keys are {', '.join(KEYS)}"
    if error["type"] == "value_error":
        return f"{key} {error['ctx']['error']}".lstrip()
    if error["type"] == "missing" or value is None or value == "":
        return f"{key} is missing"
    return f"{key} {value!r}: {error['msg']}"


def _context(info: ValidationInfo) -> Known:
    return cast("Known", info.context)


def _values(values: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever the file holds
    if not isinstance(values, list) or any(not isinstance(value, str) for value in values):
        raise ValueError(f"range {values!r} is not a list of values, as of a string ([] for any)")
    return tuple(values)


def _bounds(bounds: Any) -> list[float | None]:  # noqa: ANN401 - whatever the file holds
    if not isinstance(bounds, list) or len(bounds) != len(ANY_AMOUNT) or not all(map(_is_bound, bounds)):
        raise ValueError(f"range {bounds!r} is not [lowest, highest], numbers or null")
    if None not in bounds and bounds[0] > bounds[1]:
        raise ValueError(f"range {bounds!r} has its lowest above its highest")
    return bounds


def _is_bound(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _names_in(null_rule: str) -> set[str]:
    """The columns that a condition names."""
    if null_rule in {NEVER, UNRECORDED}:
        return set()
    return set(re.findall(r"\b[a-z_]\w*", NO_NAMES.sub(" ", null_rule.lower())))
