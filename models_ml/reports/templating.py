"""Templates of pages, with what all of them may call."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models_ml.reports.text import moment, with_code


@cache
def environment() -> Environment:
    """Return the environment of all templates here: values are escaped, and one that is missing is an error."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    made.globals["moment"] = moment
    made.filters["with_code"] = with_code
    return made
