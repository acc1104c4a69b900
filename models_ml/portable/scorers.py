"""What every portable model can do, and how one is read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from models_ml.errors import ModelJobError
from models_ml.portable.linear import LinearScorer
from models_ml.portable.network import NetworkScorer
from models_ml.portable.projected import Projected
from models_ml.portable.trees import TreesScorer

if TYPE_CHECKING:
    from models_ml.portable.arrays import Floats


class UnknownKind(ModelJobError):
    """The stored model is of no kind that this version can score."""


class Scorer(Protocol):
    """A fitted binary classifier; rows are [rows, elements], in the order of the training vectors."""

    def score(self, rows: Floats) -> Floats:
        """Return one number a row, the higher the likelier is class 1."""
        ...

    def contributions(self, rows: Floats) -> tuple[float, Floats]:
        """Return a base and what each element [rows, elements] adds to it; together they are the score."""
        ...

    def importance(self) -> Floats | None:
        """Return the share [elements] of each element in the model; None where the model cannot tell."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return what `scorer_from_json` reads back, to the last bit."""
        ...


KINDS: dict[str, type[LinearScorer | TreesScorer | NetworkScorer | Projected]] = {
    "linear": LinearScorer,
    "trees": TreesScorer,
    "network": NetworkScorer,
    "projected": Projected,
}


def unprojected(
    scorer: LinearScorer | NetworkScorer | TreesScorer,
    components: Floats,
    reference: Floats,
    spread: Floats | None = None,
) -> LinearScorer | NetworkScorer | Projected:
    """Return the scorer of rows as they are, where this one was fitted on rows @ components [elements, k].

    Reference and spread are mean and standard deviation [elements] of those rows. Where rows were standardised before
    they were projected, the result's `unscaled` takes that back too.
    """
    if isinstance(scorer, TreesScorer):
        return Projected.of(scorer, components, reference, spread)
    return scorer.unprojected(components, reference, spread)


def scorer_from_json(stored: dict[str, Any]) -> Scorer:
    """Return the scorer that `to_json` wrote.

    Raises:
        UnknownKind: it was written by another version.
    """
    kind = stored.get("kind")
    if kind not in KINDS:
        raise UnknownKind(f"cannot score a model of kind {kind!r}, only {', '.join(KINDS)}: train it again")
    return KINDS[kind].from_json(stored)
