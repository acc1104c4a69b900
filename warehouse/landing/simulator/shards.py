"""A part of a run's users, simulated step by step, here or in a process of its own."""

import heapq
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from warehouse.landing.simulator.runs import Run
from warehouse.landing.simulator.songs import catalogue
from warehouse.landing.simulator.users import Event, Session, User

Seconds = npt.NDArray[np.int64]


class Step(NamedTuple):
    """What a shard hands over: rows in order with their keys, and the sessions that begin in the next step."""

    lines: list[bytes]
    seconds: Seconds
    users: Seconds
    session_begins: Seconds
    session_users: Seconds


class Totals(NamedTuple):
    """Users with a row of their own, and those of them who cancelled."""

    users: int
    churned_users: int


class Shard(Protocol):
    """Every `step` writes what the step before simulated, now that its sessions have numbers, and simulates on."""

    def step(self, numbers: Seconds, until: int) -> Step: ...

    def totals(self) -> Totals: ...


class LocalShard:
    """The users of a run whose index leaves remainder `part` when divided by `parts`."""

    def __init__(self, run: Run, part: int, parts: int) -> None:
        self._run = run
        self._part, self._parts = part, parts
        self._ids = enumerate(run.user_ids())
        self._arrivals = run.arrivals()
        self._next_arrival = next(self._arrivals)
        self._waiting: list[tuple[int, int, User]] = []
        self._events: list[Event] = []
        self._sessions: list[Session] = []
        self._until = run.start
        self._seen: set[int] = set()
        self._churned: set[int] = set()
        for index in range(run.users):
            self._add(index, established=True)

    def step(self, numbers: Seconds, until: int) -> Step:
        """Rows before the last `until`, given the numbers of the sessions announced then; simulate up to `until`."""
        for session, number in zip(self._sessions, numbers.tolist(), strict=True):
            session.number = number
        ready = [event for event in self._events if event.second < self._until]
        ready.sort()
        lines = self._render(ready)
        self._events = [event for event in self._events if event.second >= self._until]
        self._advance(until)
        return Step(
            lines,
            np.array([event.second for event in ready], np.int64),
            np.array([event.user for event in ready], np.int64),
            np.array([session.begin for session in self._sessions], np.int64),
            np.array([session.user.index for session in self._sessions], np.int64),
        )

    def totals(self) -> Totals:
        return Totals(len(self._seen), len(self._churned))

    def _add(self, index: int, *, established: bool, arrival: int = 0) -> None:
        """Ids are dealt to all users of the run in turn; other parts' users are passed over."""
        _, user_id = next(self._ids)
        if index % self._parts != self._part:
            return
        seed = f"{self._run.seed}/{self._run.cohort}/{index}"
        make = User.established if established else User
        user = make(seed, index, user_id, self._run.start if established else arrival, self._run)
        if user.next_begin is not None:
            heapq.heappush(self._waiting, (user.next_begin, index, user))

    def _advance(self, until: int) -> None:
        """Simulate all sessions that begin before `until`; events before the start of the log are dropped."""
        while self._next_arrival[0] < until:
            arrival, index = self._next_arrival
            self._add(index, established=False, arrival=arrival)
            self._next_arrival = next(self._arrivals)
        songs, start = catalogue(), self._run.start
        self._sessions, self._until = [], until
        while self._waiting and self._waiting[0][0] < until:
            _, index, user = heapq.heappop(self._waiting)
            events = user.visit(songs)
            self._sessions.append(events[0].session)
            self._events += events if events[0].second >= start else [e for e in events if e.second >= start]
            if user.next_begin is not None:
                heapq.heappush(self._waiting, (user.next_begin, index, user))

    def _render(self, events: list[Event]) -> list[bytes]:
        """JSON lines in the key order of the published logs; absent keys are null."""
        lines, songs, anonymous = [], catalogue().json, self._run.anonymous_id
        for second, index, number, session, state, song in events:
            if state.shows_user:
                user_id, person = session.user.user_id, session.user.json
                self._seen.add(index)
                if state.is_churn:
                    self._churned.add(index)
            else:
                user_id, person = anonymous, ""
            lines.append(
                f'{{"ts":{second}000,"userId":"{user_id}","sessionId":{session.number}{state.json}'
                f"{number - session.first_event}{person}{songs[song]}}}\n".encode()
            )
        return lines


class ShardProcess:
    """A LocalShard in a fresh process, safe to start beside threads and a JVM."""

    def __init__(self, run: Run, part: int, parts: int) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, run, part, parts), daemon=True)
        self._process.start()
        theirs.close()

    def step(self, numbers: Seconds, until: int) -> Step:
        self._pipe.send((numbers, until))
        step: Step = self._pipe.recv()
        return step

    def totals(self) -> Totals:
        """The last call: the process ends after it."""
        self._pipe.send(None)
        totals: Totals = self._pipe.recv()
        self._process.join()
        return totals


def _serve(pipe: Connection, run: Run, part: int, parts: int) -> None:
    shard = LocalShard(run, part, parts)
    while (request := pipe.recv()) is not None:
        pipe.send(shard.step(*request))
    pipe.send(shard.totals())
