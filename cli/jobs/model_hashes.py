"""What decides the rows of each of dbt's models, as a hash: what differs from the last build is made whole."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import yaml

from cli.machine.environment import DBT_PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from dbt.contracts.graph.manifest import Manifest
    from dbt.contracts.graph.nodes import ModelNode

EPHEMERAL = "ephemeral"
MATERIALIZATION = "materialization_{}_spark"


def project_vars() -> dict[str, Any]:
    """Return dbt's vars, as the project gives them."""
    read: dict[str, Any] = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    return read["vars"]  # type: ignore[no-any-return]


def model_hashes(manifest: Manifest, variables: Mapping[str, Any]) -> dict[str, str]:
    """Return by model a SHA-256 of its SQL, the macros that this reaches, its columns, and what it is made with.

    Descriptions and tests are not in it. What a model reads from other models is theirs: see `with_dependents`.
    """
    return {model.name: _hash(_parts(manifest, model, variables)) for model in _models(manifest)}


def with_dependents(manifest: Manifest, changed: Iterable[str]) -> frozenset[str]:
    """Return models, all that read them, and the ephemeral ones that these are made of with all that read those.

    An ephemeral model is part of the SQL of its readers: it is whole for all of them, or for none.
    """
    models = {model.unique_id: model for model in _models(manifest)}
    found: set[str] = set()
    left = [key for key, model in models.items() if model.name in set(changed)]
    while left:
        key = left.pop()
        if key not in found:
            found.add(key)
            left += [reader for reader in manifest.child_map[key] if reader in models]
            left += [read for read in models[key].depends_on.nodes if read in models and _is_ephemeral(models[read])]
    return frozenset(models[key].name for key in found)


def _models(manifest: Manifest) -> list[ModelNode]:
    return [node for node in manifest.nodes.values() if node.resource_type.value == "model"]  # type: ignore[misc]


def _is_ephemeral(model: ModelNode) -> bool:
    return model.config.materialized == EPHEMERAL


def _parts(manifest: Manifest, model: ModelNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    config = model.config.to_dict()
    made_by = [
        macro.unique_id
        for macro in manifest.macros.values()
        if macro.name == MATERIALIZATION.format(model.config.materialized)
    ]
    macros = _reached(manifest, [*model.depends_on.macros, *made_by])
    return {
        "sql": model.raw_code,
        "macros": {name: manifest.macros[name].macro_sql for name in sorted(macros)},
        "columns": [(column.name, column.data_type) for column in model.columns.values()],
        "config": {name: config.get(name) for name in ("materialized", "schema", "partition_by", "meta")},
        "vars": variables,
    }


def _reached(manifest: Manifest, macros: Iterable[str]) -> set[str]:
    """The macros that some macros call, and those that these call, themselves included."""
    reached: set[str] = set()
    left = list(macros)
    while left:
        name = left.pop()
        if name not in reached and name in manifest.macros:
            reached.add(name)
            left += manifest.macros[name].depends_on.macros
    return reached


def _hash(parts: Mapping[str, Any]) -> str:
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
