"""The YAML of the dbt project, read without dbt."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

MODELS = Path(__file__).parents[1] / "models"
DOC_BLOCKS = MODELS / "_sparkify__docs.md"


def loaded(path: Path) -> dict[str, Any]:
    """Return what a file says."""
    # The parser in C takes a tenth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content: dict[str, Any] = yaml.load(path.read_text("utf-8"), loader)  # noqa: S506 - both loaders are safe
    return content


def doc_blocks(path: Path = DOC_BLOCKS) -> dict[str, str]:
    """Return the texts that descriptions may name, by name."""
    return dict(re.findall(r"{% docs (\w+) %}\s*(.*?)\s*{% enddocs %}", path.read_text("utf-8"), re.DOTALL))


def resolved(text: str, docs: Mapping[str, str]) -> str:
    """Return a description with the doc blocks that it names put in, on one line."""
    return " ".join(re.sub(r"{{\s*doc\('(\w+)'\)\s*}}", lambda doc: docs[doc[1]], text).split())
