"""Who the simulated users are: name, gender, place and browser."""

import json
import random
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from warehouse.landing.simulator.chance import weighted


@dataclass(frozen=True)
class Person:
    """What a log says of a user on every row, but for the time of registration."""

    location: str
    user_agent: str
    last_name: str
    first_name: str
    gender: str

    def json(self, registered: int) -> str:
        """The user's part of a row; `registered` in seconds since 1970-01-01."""
        before = {"location": self.location, "userAgent": self.user_agent, "lastName": self.last_name}
        after = {"firstName": self.first_name, "registration": registered * 1000, "gender": self.gender}
        return "," + json.dumps(before | after, ensure_ascii=False, separators=(",", ":"))[1:-1]


def draw(rng: random.Random) -> Person:
    """A person at random: places by population, browsers by their share of 2014, names by rank."""
    facts = _facts()
    gender = weighted(rng, facts["genders"])
    return Person(
        location=weighted(rng, facts["locations"]),
        user_agent=_user_agent(rng, facts),
        last_name=_by_rank(rng, facts["last_names"]),
        first_name=_by_rank(rng, facts["first_names"][gender]),
        gender=gender,
    )


@lru_cache(maxsize=1)
def _facts() -> dict[str, Any]:
    text = Path(__file__).with_name("people.yaml").read_text(encoding="utf-8")
    facts: dict[str, Any] = yaml.safe_load(text)
    facts["last_names"] = facts["last_names"].split()
    facts["first_names"] = {gender: names.split() for gender, names in facts["first_names"].items()}
    return facts


def _user_agent(rng: random.Random, facts: dict[str, Any]) -> str:
    chrome, macos = weighted(rng, facts["chrome"]), weighted(rng, facts["macos"])
    agent = weighted(rng, facts["agents"]).replace("{chrome}", chrome).replace("{macos}", macos)
    return f'"{agent}"' if "," in agent else agent


def _by_rank(rng: random.Random, names: list[str]) -> str:
    return names[int(len(names) * rng.random() ** 1.5)]
