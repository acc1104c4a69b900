"""A copied or moved state folder: every command refuses it, until `doctor --relocate` makes it one of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cli.runs.steps import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.machine.home import Home


def require_in_place(home: Home) -> None:
    """Raise StateElsewhere or ForeignPath unless all that the state folder holds lies where it says.

    On a cluster, PlaceNotShared unless the place of the tables is the one that other machines see.
    """
    from warehouse.publishing import location
    from warehouse.publishing.shared_place import require_shared_place

    if home.cluster:
        for place in home.cluster.places:
            require_shared_place(home.cluster.tables, place)
    else:
        location.require_in_place(home.path, home.warehouse)


def relocate(home: Home) -> Iterator[str]:
    """Let the state folder name its own files alone; yield what was done. The caller holds the writers' lock.

    The tables come last: as long as one of them says that it lies elsewhere, every command refuses.
    """
    from models_ml.registry.mlflow_location import misplaced
    from models_ml.registry.mlflow_location import relocate as relocate_models
    from warehouse.publishing.relocation import relocate as relocate_tables

    if home.cluster:
        yield f"the tables of {home.place} lie where their catalog says: there is nothing to relocate"
        return
    while before := misplaced(home.mlflow, home.path):
        yield f"{relocate_models(home.mlflow, before, home.path)} entries of MLflow name files in {home.path} now"
    done = relocate_tables(home.path, home.warehouse, home.metadata_backups)
    if done is None:
        yield f"{home.path} lies where it says: there is nothing to relocate"
        return
    _remember(home, done.before)
    yield f"{len(done.tables)} tables name files in {home.path} now ({done.files} metadata files were rewritten)"


def former_homes(home: Home) -> list[str]:
    """Where the state folder was before, as far as relocations tell."""
    try:
        listed = json.loads(home.former_homes.read_text())["homes"]
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return []
    return [each for each in listed if isinstance(each, str)]


def _remember(home: Home, before: tuple[Path, ...]) -> None:
    write_json(home.former_homes, {"homes": sorted({*former_homes(home), *map(str, before)})})
