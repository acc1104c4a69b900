"""What a campaign may cost and what it is hoped to bring."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

from models_ml.errors import ModelJobError, UnknownLabel
from warehouse.contract.labels import labels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from pyspark.sql import Column

# One customer's number, or a column of them.
Amount = TypeVar("Amount", float, "Column")

MONEY = ("budget", "offer_cost", "save_rate", "customer_value", "holdout")
SETTINGS = ("as_of_date", "label", "model_version", *MONEY)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class InvalidCampaign(ModelJobError):
    """The amounts or shares of a campaign make no sense; `faults` has what each of them must be."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults = dict(faults)


@dataclass(frozen=True)
class CampaignSpec:
    """One campaign: `budget`, `offer_cost` and `customer_value` in the same money.

    `save_rate` is the share of leavers whom the offer keeps, `holdout` the share of eligible users without an offer.
    Without date and version: the newest snapshot scored, by the version that scored it last.

    Raises:
        UnknownLabel: the label does not mean leaving.
        InvalidCampaign: an amount, a share or the name makes no sense.
    """

    label: str
    budget: float = 100.0
    offer_cost: float = 5.0
    save_rate: float = 0.3
    customer_value: float = 60.0
    holdout: float = 0.1
    as_of: date | None = None
    model_version: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        leaving = [label.name for label in labels() if label.means_leaving]
        if self.label not in leaving:
            msg = f"label {self.label!r} does not mean that a user leaves: choose one of {', '.join(leaving)}"
            raise UnknownLabel(msg)
        faults = {name: f"{must}, not {got}" for name, is_right, must, got in self._rules() if not is_right}
        if faults:
            raise InvalidCampaign(faults)

    def _rules(self) -> tuple[tuple[str, bool, str, object], ...]:
        name_is_right = self.name is None or bool(NAME.fullmatch(self.name))
        return (
            ("offer_cost", 0 < self.offer_cost < inf, "the offer cost must be above 0", self.offer_cost),
            ("budget", self.offer_cost <= self.budget < inf, "the budget must pay one offer at least", self.budget),
            ("save_rate", 0 < self.save_rate <= 1, "the save rate must be above 0 and at most 1", self.save_rate),
            (
                "customer_value",
                0 < self.customer_value < inf,
                "the customer value must be above 0",
                self.customer_value,
            ),
            ("holdout", 0 <= self.holdout < 1, "the holdout must be 0 or more and below 1", self.holdout),
            (
                "name",
                name_is_right,
                "the name must be 1 to 80 letters, digits, dots, dashes or underscores",
                repr(self.name),
            ),
        )

    @property
    def most_offers(self) -> int:
        """How many offers the budget pays: of the decimal amounts, so 0.3 pays three offers of 0.1."""
        return min(Fraction(str(self.budget)) // Fraction(str(self.offer_cost)), sys.maxsize)

    @property
    def break_even(self) -> float:
        """The probability above which an offer is expected to bring more than it costs."""
        return self.offer_cost / (self.save_rate * self.customer_value)

    def expected_value(self, probability: Amount) -> Amount:
        """What an offer to somebody who leaves with this probability is expected to bring, net of its cost."""
        return probability * self.save_rate * self.customer_value - self.offer_cost

    def money(self) -> dict[str, float]:
        return {name: float(getattr(self, name)) for name in MONEY}

    @property
    def asked(self) -> dict[str, Any]:
        """The settings that were asked for: what is left open is none."""
        settings = {"as_of_date": self.as_of, "label": self.label, "model_version": self.model_version}
        return {name: value for name, value in settings.items() if value is not None} | self.money()


def id_of(settings: Mapping[str, Any]) -> str:
    """Return the id of a campaign that nobody named."""
    of_id = {name: settings[name] for name in SETTINGS}
    digest = sha256(json.dumps(of_id, sort_keys=True, default=str).encode()).hexdigest()
    return f"{settings['as_of_date']}-{settings['label']}-{digest[:8]}"
