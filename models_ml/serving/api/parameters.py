"""Query parameters of the API: declared once, for what is read and for the document that describes it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from models_ml.serving.web.dates import is_date
from models_ml.serving.web.problems import Problem, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from werkzeug.datastructures import MultiDict

WHOLE = re.compile(r"-?[0-9]{1,12}")
NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
MOST_LETTERS, MOST_PAGES = 200, 1_000_000


@dataclass(frozen=True)
class Parameter:
    """One query parameter. A number lies from `lowest` to `highest`; a text has 1 to 200 letters, a date is of ISO.

    `allowed` are the values of a choice; `default` stands where nothing is said, None for no restriction.
    """

    name: str
    kind: Literal["text", "date", "whole", "number", "choice"]
    description: str
    lowest: float = 0
    highest: float = 1
    allowed: tuple[str, ...] = ()
    default: int | str | None = None
    is_required: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """What a value has to be, as JSON Schema."""
        of_kind: dict[str, dict[str, Any]] = {
            "text": {"type": "string", "minLength": 1, "maxLength": MOST_LETTERS},
            "date": {"type": "string", "format": "date"},
            "whole": {"type": "integer", "minimum": self.lowest, "maximum": self.highest},
            "number": {"type": "number", "minimum": self.lowest, "maximum": self.highest},
            "choice": {"type": "string", "enum": list(self.allowed)},
        }
        return of_kind[self.kind] | ({} if self.default is None else {"default": self.default})

    def read(self, text: str) -> str | float | None:
        """The value of a text; None where it is not what it has to be."""
        if self.kind == "text":
            return text if 0 < len(text) <= MOST_LETTERS else None
        if self.kind == "date":
            return text if is_date(text) else None
        if self.kind == "choice":
            return text if text in self.allowed else None
        if not (WHOLE if self.kind == "whole" else NUMBER).fullmatch(text):
            return None
        value = int(text) if self.kind == "whole" else float(text)
        return value if math.isfinite(value) and self.lowest <= value <= self.highest else None

    @property
    def must(self) -> str:
        """What a value has to be, in words."""
        if self.kind == "text":
            return f"Has to be a text of 1 to {MOST_LETTERS} letters."
        if self.kind == "date":
            return "Has to be a date, such as 2018-12-01."
        if self.kind == "choice":
            return f"Has to be one of {', '.join(self.allowed)}."
        kind = "whole number" if self.kind == "whole" else "number"
        return f"Has to be a {kind} from {self.lowest:,.15g} to {self.highest:,.15g}."


# Of every list that is told in pages.
PAGING = (
    Parameter("limit", "whole", "Rows of a page.", 1, 200, default=50),
    Parameter("page", "whole", "Which page, from 1 on.", 1, MOST_PAGES, default=1),
)


def asked(given: MultiDict[str, str], parameters: Sequence[Parameter] = ()) -> dict[str, Any]:
    """Return the value of each parameter by its name.

    Raises Problem with all that is wrong: what is not known, not said though it has to be, said twice, of another kind.
    """
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {name: parameter.default for name, parameter in known.items()}
    errors = {name: known[name].must for name in known if known[name].is_required and name not in given}
    for name, texts in given.lists():
        if name not in known:
            errors[said(name)] = f"There is no such parameter; there {_listed(known)}."
        elif len(texts) > 1:
            errors[name] = "Has to be said once."
        else:
            values[name] = known[name].read(texts[0])
            errors |= {} if values[name] is not None else {name: known[name].must}
    if errors:
        raise Problem(HTTPStatus.BAD_REQUEST, f"Wrong parameters of the query: {', '.join(errors)}.", errors)
    return values


def _listed(known: dict[str, Parameter]) -> str:
    return f"are {', '.join(known)}" if known else "are none here"
