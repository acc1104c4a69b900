"""Steps about the versions that are kept: list and remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.jobs.workspace import Workspace
    from models_ml.registry.version_removal import Removal, StoredVersion


def stored_models(workspace: Workspace) -> list[StoredVersion]:
    """List all model versions, the newest first."""
    from models_ml.registry.version_removal import stored_versions

    return stored_versions(workspace.spark, workspace.home.mlflow)


def remove_models(workspace: Workspace, versions: Sequence[str], *, force: bool) -> Removal:
    """Take model versions out of the table; their files stay until that is published."""
    from models_ml.registry.version_removal import remove_versions

    with workspace.steps.step("remove") as step:
        removal = remove_versions(workspace.spark, workspace.home.mlflow, versions, force=force)
        step.rows_out = len(removal.removed)
        step.detail = ", ".join(f"{each.model_version} of {each.label}" for each in removal.removed)
    return removal


def remove_stored_models(workspace: Workspace, removal: Removal) -> None:
    """Take the runs, files and metric cards of removed versions away."""
    from models_ml.registry.version_removal import remove_stored

    with workspace.steps.step("free") as step:
        remove_stored(removal, workspace.home.mlflow)
        for each in removal.removed:
            workspace.home.model_card(each).unlink(missing_ok=True)
        step.rows_out = len(removal.removed)
        step.detail = f"{sum(each.size_bytes or 0 for each in removal.removed):,} bytes of models"
