"""dbt's documentation as one page that opens from disk: made of what the last dbt command left, without asking dbt.

It is what `dbt docs generate --static` makes, but for three things: the types of columns are those of the YAML, which
the contracts hold the tables to, so that no table is asked; no path of this machine is in it; and of the macros, those
of dbt itself, which the page does not show, are left out.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from cli.machine.home import REPOSITORY
from warehouse.contract.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cli.machine.home import Home

MANIFEST, CATALOG = '"MANIFEST.JSON INLINE DATA"', '"CATALOG.JSON INLINE DATA"'
# What a manifest tells of the machine and its user.
OF_MACHINE = frozenset({"build_path", "compiled_path", "root_path", "target_path", "user_id", "env"})
# Links of dbt's template that lead nowhere: to pictures before their names are known, and to one that was never put in.
MENDED = {
    ' xlink:href="{{': ' ng-attr-xlink:href="{{',
    "\"${require('./assets/favicons/favicon.ico')}\"": '"data:,"',
}
OF_DBT = ("dbt", "dbt_spark")
# What a manifest raises that dbt has left in part, or in a form that we do not know.
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError)
NO_STATISTICS = {
    "has_stats": {"id": "has_stats", "label": "Has Stats?", "value": False, "include": False, "description": ""}
}


def write_dbt_docs(home: Home) -> str | None:
    """Write the page beside the report; return why it could not be written, None where all is well.

    Nothing is done before dbt has first been run, and where the page is younger than what dbt has left.
    """
    manifest, page = home.dbt_manifest, home.dbt_docs
    try:
        if not manifest.is_file() or _is_younger(page, manifest):
            return None
        machine = {str(home.path): "$SPARKHOUSE_HOME", str(REPOSITORY): "sparkhouse"}
        # dbt itself takes seconds to import.
        template = files("dbt").joinpath("task/docs/index.html").read_text("utf-8")
        replace_file(page, docs_page(json.loads(manifest.read_text("utf-8")), template, machine).encode())
    except UNREADABLE as error:
        return f"{page.name} could not be written: {error}"
    return None


def docs_page(manifest: Mapping[str, Any], template: str, machine: Mapping[str, str]) -> str:
    """Return the page of a manifest; `machine` are paths that a text of it may hold, and what stands there instead."""
    for theirs, ours in MENDED.items():
        template = template.replace(theirs, ours)
    shown = without_machine(manifest)
    return template.replace(MANIFEST, _inlined(shown, machine)).replace(CATALOG, _inlined(catalog(manifest), machine))


def catalog(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a catalogue of all models and sources of a manifest, with the columns and types that their YAML says."""
    models = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    return {
        "metadata": {key: manifest["metadata"].get(key) for key in ("generated_at", "invocation_id", "dbt_version")},
        "nodes": {key: _catalogued(node) for key, node in models.items()},
        "sources": {key: _catalogued(source) for key, source in manifest["sources"].items()},
        "errors": None,
    }


def without_machine(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest without what it tells of the machine, and without the macros of dbt itself."""
    shown = {
        section: {key: _blanked(entry) for key, entry in entries.items()} if isinstance(entries, dict) else entries
        for section, entries in manifest.items()
    }
    own = {key: macro for key, macro in shown["macros"].items() if macro["package_name"] not in OF_DBT}
    return shown | {"metadata": _blanked(manifest["metadata"]), "macros": own}


def _is_younger(page: Path, manifest: Path) -> bool:
    return page.is_file() and page.stat().st_mtime_ns > manifest.stat().st_mtime_ns


def _blanked(entry: Any) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(entry, dict):
        return entry
    return {key: None if key in OF_MACHINE else value for key, value in entry.items()}


def _catalogued(node: Mapping[str, Any]) -> dict[str, Any]:
    """A table as dbt's catalogue has it."""
    columns = node["columns"].values()
    return {
        "unique_id": node["unique_id"],
        "metadata": {
            "type": (node.get("config") or {}).get("materialized") or "table",
            "schema": node["schema"],
            "name": node["name"],
            "database": None,
            "comment": None,
            "owner": ((node.get("config") or {}).get("meta") or {}).get("owner"),
        },
        "columns": {
            column["name"]: {
                "type": column.get("data_type") or "",
                "index": index,
                "name": column["name"],
                "comment": None,
            }
            for index, column in enumerate(columns, 1)
        },
        "stats": NO_STATISTICS,
    }


def _inlined(content: Mapping[str, Any], machine: Mapping[str, str]) -> str:
    """JSON within a script: no text in it ends the script."""
    text = json.dumps(content)
    for path, shown in machine.items():
        text = re.sub(rf"{re.escape(json.dumps(path)[1:-1])}(?!\w)", shown, text)
    return text.replace("</", "<\\/")
