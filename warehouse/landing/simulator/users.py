"""One simulated user: a Markov chain of pages in sessions, drawn from a random stream of the user's own."""

from bisect import bisect_right
from dataclasses import dataclass
from math import exp, log
from typing import NamedTuple

from warehouse.landing.simulator import people
from warehouse.landing.simulator.chance import exponential, stream, weighted
from warehouse.landing.simulator.clock import DAY, next_session
from warehouse.landing.simulator.cohorts import State, settings
from warehouse.landing.simulator.runs import GROWTH_PER_YEAR, YEAR, Run
from warehouse.landing.simulator.songs import NO_SONG, Catalogue

SECONDS_BETWEEN_PAGES = 90.0
SECONDS_BETWEEN_SESSIONS = 7.0 * DAY


@dataclass(eq=False)
class Session:
    """A visit. `number` is the sessionId, known once all sessions of the run that began earlier are."""

    user: "User"
    begin: int
    first_event: int
    number: int = 0


class Event(NamedTuple):
    """A row of the log to be. Sorts by time; `user` and `number` (the user's own count of events) break ties."""

    second: int
    user: int
    number: int
    session: Session
    state: State
    song: int


class User:
    """Pace and present state of one user: at first a guest, whose first visit is at `arrival`.

    `next_begin` is the start of the next session, None after a cancellation.
    """

    def __init__(self, seed: str, index: int, user_id: str, arrival: int, run: Run) -> None:
        self.rng = stream(seed)
        self.index = index
        self.user_id = user_id
        self.days_off = run.service.days_off
        self.cohort = self.rng.choices(run.cohorts, [cohort.weight for cohort in run.cohorts])[0]
        self.mean_page_gap = SECONDS_BETWEEN_PAGES * self._individual_factor()
        self.mean_session_gap = SECONDS_BETWEEN_SESSIONS * self._individual_factor()
        self.person = people.draw(self.rng)
        self.event_count = 0
        self.mode = ("free", "Guest")
        self.json = ""
        self.next_begin: int | None = arrival

    @classmethod
    def established(cls, seed: str, index: int, user_id: str, start: int, run: Run) -> "User":
        """Someone who registered before `start` and has been about for one mean gap between sessions by then."""
        user = cls(seed, index, user_id, start, run)
        user.json = user.person.json(start - exponential(user.rng, GROWTH_PER_YEAR * YEAR))
        user.mode = (weighted(user.rng, settings()["levels"]), weighted(user.rng, settings()["auths"]))
        user.next_begin = user._first_session(start)
        return user

    def _individual_factor(self) -> float:
        """Lognormal of mean 1 and sigma 1."""
        return exp(self.rng.gauss(0.0, 1.0) - 0.5)

    def _first_session(self, start: int) -> int:
        gap = self.mean_session_gap
        begin = next_session(self.rng, start - int(2 * gap), gap, self.days_off)
        while begin < start - int(gap):
            begin = next_session(self.rng, begin, gap, self.days_off)
        return begin

    def visit(self, songs: Catalogue) -> list[Event]:
        """All events of the session that begins at `next_begin`; sets the next one."""
        if self.next_begin is None:
            return []
        session = Session(self, self.next_begin, self.event_count)
        events = self._walk(session, songs)
        if not self.json:
            self._register(events)
        last = events[-1]
        self.event_count += len(events)
        self.mode = last.state.mode
        self.next_begin = None
        if not last.state.is_churn:
            self.next_begin = next_session(self.rng, last.second, self.mean_session_gap, self.days_off)
        return events

    def _walk(self, session: Session, songs: Catalogue) -> list[Event]:
        """Page after page until the session ends.

        A redirect comes one second after its page, a song when the one before is over, all else after an exponential
        time. This loop makes every row of the log: it is written for speed.
        """
        uniform, gap, user = self.rng.random, self.mean_page_gap, self.index
        popularity, seconds = songs.cumulative, songs.seconds
        starts = self.cohort.starts[self.mode]
        state: State | None = starts.states[bisect_right(starts.cumulative, uniform() * starts.cumulative[-1])]
        second, number, song_end = session.begin, session.first_event, 0
        events: list[Event] = []
        while state is not None:
            song = NO_SONG
            if state.is_song:
                song = bisect_right(popularity, uniform())
                song_end = second + seconds[song]
            events.append(Event(second, user, number, session, state, song))
            number += 1
            state = state.targets[bisect_right(state.cumulative, uniform())]
            if state is None or state.is_redirect:
                second += 1
            elif state.is_song and second < song_end:
                second = song_end
            else:
                second += int(-gap * log(1.0 - uniform()))
        return events

    def _register(self, events: list[Event]) -> None:
        """A guest who is logged in registered on the last page seen as a guest."""
        as_guest = [event.second for event in events if event.state.key[1] == "Guest"]
        if len(as_guest) < len(events):
            self.json = self.person.json(as_guest[-1])
