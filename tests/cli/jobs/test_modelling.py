"""Training several labels in one go."""

from __future__ import annotations

from cli.jobs.modelling import each_that_can
from models_ml.errors import TooFewUsers


def refuse() -> str:
    raise TooFewUsers("label will_lapse: too few")


def test_what_cannot_be_trained_does_not_stop_the_others() -> None:
    done, faults = each_that_can([lambda: "first", refuse, lambda: "last"])
    assert done == ["first", "last"]
    assert [str(fault) for fault in faults] == ["label will_lapse: too few"]
