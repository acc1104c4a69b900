"""The form for a customer who is not in the log: its fields, and what was written into them, read and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from models_ml.serving.answers.customers import values_of
from models_ml.serving.web.problems import Problem
from warehouse.contract.catalogue import features_by_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models_ml.serving.store import Store

    Said = dict[str, str | float]

MOST_COUNT, MOST_DAYS = 10_000_000, 36_525
NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
WHOLE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Field:
    """One question of the form; `features` are the columns of the feature table that its answer tells of."""

    name: str
    title: str
    hint: str
    kind: Literal["choice", "count", "days"]
    features: tuple[str, ...]


def _counted(name: str, title: str, hint: str, column: str, *split: str) -> Field:
    return Field(name, title, hint, "count", (f"{column}_count_lifetime", *split))


FIELDS = (
    Field("gender", "Gender", "As the customer gave it.", "choice", ("gender",)),
    Field("level", "Level", "The plan in force now.", "choice", ("level",)),
    Field("state", "State", "Where the customer lives.", "choice", ("state", "census_region")),
    Field("device", "Device", "What the customer listens with.", "choice", ("device_family",)),
    Field(
        "days_as_member",
        "Days as a member",
        "Since the registration.",
        "days",
        ("days_since_registration", "days_observed", "registration_month"),
    ),
    Field("days_since_last_seen", "Days since last seen", "0 is today.", "days", ("days_since_last_event",)),
    _counted("sessions", "Sessions", "Visits so far.", "session"),
    _counted("songs", "Songs", "Songs played so far.", "song", "free_song_count_lifetime", "paid_song_count_lifetime"),
    _counted(
        "adverts",
        "Adverts",
        "Adverts heard so far.",
        "advert",
        "free_advert_count_lifetime",
        "paid_advert_count_lifetime",
    ),
    _counted("thumbs_up", "Thumbs up", "Given so far.", "thumbs_up"),
    _counted("thumbs_down", "Thumbs down", "Given so far.", "thumbs_down"),
    _counted("friends", "Friends", "Added so far.", "friend_add"),
    _counted("playlist_adds", "Songs put on playlists", "So far.", "playlist_add"),
)
NAMES = tuple(field.name for field in FIELDS)


def choices(store: Store) -> dict[str, tuple[str, ...]]:
    """What can be chosen, by field: the values of the catalogue, and the states that customers live in."""
    columns = {field.name: field.features[0] for field in FIELDS if field.kind == "choice"}
    listed = {name: features_by_name()[column].allowed for name, column in columns.items()}
    return listed | {"state": tuple(values_of(store, "state"))}


def read(given: Mapping[str, object], allowed: Mapping[str, Sequence[str]]) -> Said:
    """Return what was said, by field: texts and numbers; blank is not said.

    Raises Problem, with what each wrong field has to be.
    """
    errors = {name: "There is no such field." for name in given if name not in NAMES}
    said: Said = {}
    for field in FIELDS:
        text = _text(given.get(field.name))
        fault = _fault(field, text, allowed) if text else None
        if fault:
            errors[field.name] = fault
        elif text:
            said[field.name] = text if field.kind == "choice" else float(text)
    errors |= {name: must for name, must in _contradictions(said).items() if name not in errors}
    if errors:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Some of what was filled in cannot be read.", errors)
    return said


def _text(value: object) -> str:
    """A value of a form or of JSON as it would be typed; what is neither text nor number is no number either."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return str(value).strip()


def _fault(field: Field, text: str, allowed: Mapping[str, Sequence[str]]) -> str | None:
    """What an answer has to be, None where it is."""
    if field.kind == "choice":
        values = allowed[field.name]
        return None if text in values else f"Has to be one of {', '.join(values)}, or blank."
    most, form = (MOST_DAYS, NUMBER) if field.kind == "days" else (MOST_COUNT, WHOLE)
    if form.fullmatch(text) and float(text) <= most:
        return None
    kind = "number, such as 12 or 3.5," if field.kind == "days" else "whole number, such as 12,"
    return f"Has to be a {kind} from 0 to {most:,}, or blank."


def _contradictions(said: Said) -> dict[str, str]:
    """What cannot be true together, by the field that is named."""
    errors = {}
    member, silent = said.get("days_as_member"), said.get("days_since_last_seen")
    if isinstance(member, float) and isinstance(silent, float) and silent > member:
        errors["days_since_last_seen"] = f"Has to be {member:g} at most, the days as a member."
    if said.get("songs") and said.get("sessions") == 0:
        errors["sessions"] = "Has to be 1 at least, where songs were played."
    return errors
