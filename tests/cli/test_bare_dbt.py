"""What bare dbt's command line leaves on record."""

from __future__ import annotations

import pytest
from dbt.events.types import NodeFinished
from dbt_common.events.base_types import EventLevel, msg_from_base_event

from cli.bare_dbt import BuiltModels

WHOLE = [("model", "fct_user_features", "success"), ("model", "fct_churn_labels", "success")]


def heard(*ended: tuple[str, str, str], schema: str = "marts") -> BuiltModels:
    """What is known after dbt has told how these nodes ended: kind, name, status."""
    built = BuiltModels()
    for kind, name, status in ended:
        node = {"resource_type": kind, "node_relation": {"schema": schema, "alias": name}}
        event = NodeFinished(node_info=node, run_result={"status": status})
        built.hear(msg_from_base_event(event, level=EventLevel.DEBUG))
    return built


@pytest.mark.parametrize(
    ("ended", "is_whole"),
    [
        (WHOLE, True),
        ([*WHOLE, ("test", "is_unique", "fail")], True),
        ([*WHOLE, ("model", "fct_sessions", "error")], False),
        ([*WHOLE, ("model", "fct_sessions", "skipped")], False),
        (WHOLE[:1], False),
        ([("test", "is_unique", "pass")], False),
        ([], False),
    ],
    ids=["whole", "failed test", "broken model", "skipped model", "features alone", "tests alone", "nothing"],
)
def test_only_a_build_of_features_and_labels_without_a_broken_model_is_whole(
    ended: list[tuple[str, str, str]],
    is_whole: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert heard(*ended).are_whole is is_whole


def test_a_build_beside_the_published_tables_is_none_of_theirs() -> None:
    assert not heard(*WHOLE, schema="proof_marts").are_whole
