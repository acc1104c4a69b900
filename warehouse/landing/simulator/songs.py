"""The songs of the simulated service: about as many, as popular and as long as those of the published logs."""

import random
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from json.encoder import encode_basestring
from math import exp
from pathlib import Path
from typing import Any

import yaml

from warehouse.landing.simulator.chance import stream

TRACKS = 120_000
ARTISTS = 28_000
# A share of plays falls with the rank as 1 / (rank + shift) ** slope. Fitted to the published counts of distinct
# songs and artists (mini 58,480 and 17,655, medium 80,292 and 21,247); the head of the list is known play by play.
TRACK_SHIFT, TRACK_SLOPE = 80, 1.0
ARTIST_SHIFT, ARTIST_SLOPE = 20, 0.8
ACCENTED_SHARE = 0.022
MP3_FRAME_SECONDS = 1152 / 44_100
NO_SONG = -1


@dataclass(frozen=True)
class Catalogue:
    """Tracks by index: cumulative popularity (ends at 1), whole seconds, JSON text of a play (empty for NO_SONG)."""

    cumulative: list[float]
    seconds: list[int]
    json: list[str]


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The one catalogue, the same in every log."""
    facts = yaml.safe_load(Path(__file__).with_name("songs.yaml").read_text(encoding="utf-8"))
    rng = stream("catalogue")
    known = [(artist, title) for artist, title, _ in facts["tracks"]]
    names = _tracks(rng, facts, TRACKS - len(known))
    lengths = [_length(rng) for _ in range(TRACKS)]
    head = [per_million / 1e6 for _, _, per_million in facts["tracks"]]
    tail = _power_law(TRACKS - len(head), len(head) + 1 + TRACK_SHIFT, TRACK_SLOPE)
    shares = head + [share * (1 - sum(head)) for share in tail]
    plays = [_play(artist, title, length) for (artist, title), length in zip(known + names, lengths, strict=True)]
    return Catalogue([*list(accumulate(shares))[:-1], 1.0], [int(length) for length in lengths], [*plays, ""])


def _tracks(rng: random.Random, facts: dict[str, Any], count: int) -> list[tuple[str, str]]:
    words = {kind: facts[kind].split() for kind in ("adjectives", "nouns", "accented")}
    artists = [*facts["artists"], *_artists(rng, words, ARTISTS - len(facts["artists"]))]
    head = [per_million / 1e6 for per_million in facts["artists"].values()]
    tail = _power_law(ARTISTS - len(head), 1 + ARTIST_SHIFT, ARTIST_SLOPE)
    cumulative = list(accumulate(head + [share * (1 - sum(head)) for share in tail]))
    return list(zip(rng.choices(artists, cum_weights=cumulative, k=count), _titles(rng, words, count), strict=True))


def _power_law(count: int, start: int, slope: float) -> list[float]:
    weights = [(start + rank) ** -slope for rank in range(count)]
    total = sum(weights)
    return [weight / total for weight in weights]


def _artists(rng: random.Random, words: dict[str, list[str]], count: int) -> list[str]:
    forms = ["The {adjective} {one}s", "{adjective} {one}", "{one} {other}", "{one} & The {other}s"]
    names: dict[str, None] = {}
    while len(names) < count:
        names |= dict.fromkeys(_names(rng, words, forms, "{accented} {one}", count - len(names)))
    return list(names)


def _titles(rng: random.Random, words: dict[str, list[str]], count: int) -> list[str]:
    forms = ["{adjective} {one} of the {other}", "{one} in a {adjective} {other}", "{adjective} {one} {other}"]
    versions = ["", "", "", "", " (Live)", " (Album Version)"]
    titles = _names(rng, words, forms, "{accented} {adjective} {one}", count)
    return [title + version for title, version in zip(titles, rng.choices(versions, k=count), strict=True)]


def _names(rng: random.Random, words: dict[str, list[str]], forms: list[str], accented: str, count: int) -> list[str]:
    shares = [(1 - ACCENTED_SHARE) / len(forms)] * len(forms) + [ACCENTED_SHARE]
    chosen = zip(
        rng.choices([*forms, accented], shares, k=count),
        rng.choices(words["adjectives"], k=count),
        rng.choices(words["nouns"], k=count),
        rng.choices(words["nouns"], k=count),
        rng.choices(words["accented"], k=count),
        strict=True,
    )
    return [form.format(adjective=a, one=n, other=m, accented=x) for form, a, n, m, x in chosen]


def _length(rng: random.Random) -> float:
    """Seconds: whole MP3 frames less the trim that every published length shows; a lognormal body with a wider tail."""
    sigma = 0.2 if rng.random() < 0.75 else 0.55  # noqa: PLR2004
    seconds = min(max(exp(rng.gauss(5.46, sigma)), 2.0), 3024.0)
    return round(round(seconds / MP3_FRAME_SECONDS) * MP3_FRAME_SECONDS - 0.00045, 5)


def _play(artist: str, title: str, length: float) -> str:
    return f',"artist":{_text(artist)},"song":{_text(title)},"length":{length!r}'


def _text(name: str) -> str:
    """JSON text of a name as the published logs have it: its UTF-8 bytes were read as Latin-1, twice."""
    garbled = name if name.isascii() else name.encode().decode("latin-1").encode().decode("latin-1")
    return encode_basestring(garbled)
