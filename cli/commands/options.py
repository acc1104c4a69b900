"""Options that several commands have, and what may be chosen."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from warehouse.contract.labels import default_label, label_names

DEFAULT_LABEL, LABELS = default_label(), label_names()


class Ids(str, Enum):
    """How the simulator numbers users."""

    banded = "banded"
    random = "random"


class Format(str, Enum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


class SqlFormat(str, Enum):
    """What becomes of the rows of a statement."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


Quiet = Annotated[bool, typer.Option("--quiet", help="One line a step, no spinner.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for another writer to end, instead of refusing.")]
Pseudonymise = Annotated[
    bool,
    typer.Option(
        help="Keep first and last names as salted hashes in `raw`, or not at all; in clear they are never kept."
    ),
]
MappingFile = Annotated[
    Path | None,
    typer.Option("--mapping", help="YAML file that says what another service's log calls keys, pages and levels."),
]
KeepRefusedText = Annotated[
    bool, typer.Option("--keep-refused-text", help="Keep the text of refused lines that are no JSON, not its shape.")
]
Label = Annotated[str, typer.Option(help=f"One of {', '.join(LABELS)}.", autocompletion=lambda: LABELS)]
AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Snapshot date; the newest if not given.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]
