"""The numbers that matter today, each with its change and its past, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models_ml.reports.drawing import Drawing, Number
from models_ml.reports.text import day, number, percent, sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from markupsafe import Markup

    from models_ml.reports.drawing import Tone

WEEK = 7
STOP, WARN = "stop", "warn"


def active_users(rows: pd.DataFrame) -> Number:
    """Users of the last seven days; `rows` are dates."""
    return _of_the_last_week(rows, rows.active_user_count_7d, lambda days: days.iloc[-1])


def plays(rows: pd.DataFrame) -> Number:
    """Songs of the last seven days."""
    return _of_the_last_week(rows, rows.song_count, lambda days: days.iloc[-WEEK:].sum())


def cancellations(rows: pd.DataFrame) -> Number:
    """Cancellations of the last seven days."""
    return _of_the_last_week(rows, rows.cancellation_count, lambda days: days.iloc[-WEEK:].sum(), more_is_worse=True)


def users_at_risk(rows: pd.DataFrame) -> Number:
    """Users at or above the threshold in the newest scored snapshot; `rows` are scored snapshots."""
    now = rows.iloc[-1]
    note = sentence(
        "of {users} as of {date}; {expected} are to be expected to leave",
        users=number(now.user_count),
        date=day(now.as_of_date),
        expected=number(now.user_count * now.mean_probability, 1),
    )
    if len(rows) > 1:
        before = rows.iloc[-2]
        note += sentence(
            "; {change} since {date}",
            change=_change(now.flagged_user_count, before.flagged_user_count),
            date=day(before.as_of_date),
        )
    return Number(number(now.flagged_user_count), note, tuple(rows.flagged_user_count.astype(float)))


def gate(rows: pd.DataFrame) -> Number:
    """The state of the last audit; `rows` are its results."""
    broken = rows[~rows.success & ~rows.is_accepted]
    stopped, warned = (int((broken.severity == severity).sum()) for severity in (STOP, WARN))
    state: tuple[str, Tone] = ("stopped", "bad") if stopped else ("warned", "warn") if warned else ("passed", "good")
    note = sentence(
        "{rules} expectations on {date}: {stopped} stopped, {warned} warned, {accepted} accepted",
        rules=number(len(rows)),
        date=day(rows.validated_at.max()),
        stopped=number(stopped),
        warned=number(warned),
        accepted=number(int((~rows.success & rows.is_accepted).sum())),
    )
    return Number(sentence(state[0]), note, tone=state[1])


def newest_event(rows: pd.DataFrame) -> Number:
    """The date of the newest event; `rows` are dates of the log."""
    last = rows.iloc[-1].event_date
    days = len(rows)
    note = sentence("{days} days of events, from {first} on", days=number(days), first=day(rows.iloc[0].event_date))
    return Number(day(last), note)


def what_is_wrong(rows: pd.DataFrame) -> Drawing:
    """What the last audit found, the worst first; `rows` are its results."""
    broken = rows[~rows.success & ~rows.is_accepted]
    says = sentence("{count} findings, the worst first.", count=number(len(broken)))
    if broken.empty:
        says = sentence("Nothing: all {count} expectations hold, or were accepted.", count=number(len(rows)))
    table = broken[["severity", "rule", "table_name", "message"]].rename(
        columns={"severity": "What it does", "rule": "Rule", "table_name": "Table", "message": "Finding"}
    )
    return Drawing(None, says, table)


def _of_the_last_week(
    rows: pd.DataFrame, days: pd.Series[int], total: Callable[[pd.Series[int]], float], *, more_is_worse: bool = False
) -> Number:
    """The total of the last week beside that of the week before; its past is a point a day."""
    now, past = total(days), tuple(days.astype(float))
    dates = sentence("in the 7 days to {date}", date=day(rows.iloc[-1].event_date))
    if len(days) <= WEEK:
        return Number(number(now), dates, past)
    before = total(days.iloc[:-WEEK])
    is_worse = (now > before) == more_is_worse and now != before
    return Number(
        number(now),
        sentence("{dates}; {change} against the week before", dates=dates, change=_change(now, before)),
        past,
        "warn" if is_worse else "",
    )


def _change(now: float, before: float) -> Markup:
    """The relative change with its sign; of nothing before, the difference."""
    if now == before:
        return sentence("no change")
    sign = "+" if now >= before else "−"  # noqa: RUF001 - a minus sign
    amount = percent(abs(now - before) / before) if before else number(abs(now - before))
    return sentence("{sign}{amount}", sign=sign, amount=amount)
