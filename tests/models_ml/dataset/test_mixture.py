"""Rates and behaviour classes: what was planted in simulated counts is found again, without a label."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import poisson  # type: ignore[import-untyped]

from models_ml.dataset.mixture import behaviour_classes, shrunk_rate
from models_ml.portable.rate import Rate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_ml.portable.behaviour import BehaviourClasses
    from models_ml.portable.rate import Columns

    Rates = tuple[tuple[float, ...], ...]

PAGES = {"adverts": "songs", "thumbs_down": "songs", "downgrades": "visits"}
SHARES = (0.6, 0.3, 0.1)
RATES = ((0.05, 0.01, 0.1), (0.15, 0.02, 0.1), (0.05, 0.06, 0.5))


def simulated(users: int, shares: tuple[float, ...] = SHARES, rates: Rates = RATES) -> tuple[Columns, NDArray[Any]]:
    """Counts of users of planted classes with histories of very different lengths; and the class of each."""
    random = np.random.default_rng(11)
    member = random.choice(len(shares), users, p=shares)
    exposures = {"songs": random.gamma(2.0, 300.0, users), "visits": random.poisson(8.0, users).astype(float)}
    counts = {
        page: random.poisson(np.array(rates)[member, place] * exposures[exposure]).astype(float)
        for place, (page, exposure) in enumerate(PAGES.items())
    }
    return {**counts, **exposures}, member


def rate_of(count: float, exposure: float, prior: Rate) -> float:
    (log,) = prior.values({prior.count: np.array([count]), prior.exposure: np.array([exposure])})
    return float(np.exp(log))


@pytest.fixture(scope="module")
def found() -> BehaviourClasses:
    return behaviour_classes(PAGES, simulated(3_000)[0], seed=1)


def test_the_planted_classes_are_found_in_number_share_and_rates(found: BehaviourClasses) -> None:
    assert found.shares == pytest.approx(SHARES, abs=0.03)
    assert np.array(found.rates) == pytest.approx(np.array(RATES), rel=0.1)
    assert found.names == ("behaviour_1", "behaviour_2", "behaviour_3")
    assert (found.counts, found.exposures) == (tuple(PAGES), tuple(PAGES.values()))


@pytest.mark.parametrize("classes", [1, 2])
def test_the_criterion_asks_for_as_many_classes_as_there_are(classes: int) -> None:
    shares = ((1.0,), (0.7, 0.3))[classes - 1]
    fitted = behaviour_classes(PAGES, simulated(1_500, shares, RATES[:classes])[0], seed=1)
    assert fitted.shares == pytest.approx(shares, abs=0.03)


def test_users_with_history_are_told_apart(found: BehaviourClasses) -> None:
    columns, member = simulated(3_000)
    posterior = found.values(columns)
    assert posterior.sum(axis=1) == pytest.approx(1.0)
    assert (posterior.argmax(axis=1) == member).mean() > 0.95


def test_the_posterior_is_that_of_bayes(found: BehaviourClasses) -> None:
    user = {"adverts": 5.0, "thumbs_down": 2.0, "downgrades": 1.0, "songs": 60.0, "visits": 3.0}
    likelihoods = [
        share
        * np.prod([poisson.pmf(user[page], rate * user[PAGES[page]]) for page, rate in zip(PAGES, of, strict=True)])
        for share, of in zip(found.shares, found.rates, strict=True)
    ]
    (posterior,) = found.values({name: np.array([value]) for name, value in user.items()})
    assert posterior == pytest.approx(likelihoods / np.sum(likelihoods))


def test_a_user_without_history_has_the_shares_of_all(found: BehaviourClasses) -> None:
    for nothing in (0.0, np.nan):
        (posterior,) = found.values({name: np.array([nothing]) for name in (*PAGES, *PAGES.values())})
        assert posterior == pytest.approx(found.shares)


def test_one_seed_gives_the_same_classes_to_the_last_bit(found: BehaviourClasses) -> None:
    assert behaviour_classes(PAGES, simulated(3_000)[0], seed=1) == found


def test_no_label_is_looked_at() -> None:
    """Nothing but the counts and their exposures is read: of other columns none is there to read."""
    assert list(signature(behaviour_classes).parameters) == ["pages", "users", "seed"]
    columns, member = simulated(300)
    without = behaviour_classes(PAGES, columns, seed=1)
    assert behaviour_classes(PAGES, {**columns, "label": member}, seed=1) == without


def test_a_page_that_nobody_did_still_has_a_rate() -> None:
    columns, _ = simulated(300)
    silent = {**columns, "downgrades": np.zeros(300), "visits": np.zeros(300)}
    fitted = behaviour_classes(PAGES, silent, seed=1)
    assert np.isfinite(fitted.rates).all()
    assert (np.array(fitted.rates) > 0).all()
    assert np.isfinite(fitted.values(silent)).all()


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_one_user_is_one_class(value: float) -> None:
    columns = {name: np.array([value]) for name in (*PAGES, *PAGES.values())}
    fitted = behaviour_classes(PAGES, columns, seed=1)
    assert fitted.shares == (1.0,)
    assert fitted.values(columns).tolist() == [[1.0]]


def test_a_user_without_history_has_the_rate_of_the_population() -> None:
    prior = Rate("pace", "sessions", "days", 3.0, 20.0)
    assert rate_of(0.0, 0.0, prior) == pytest.approx(3.0 / 20.0)
    assert rate_of(np.nan, np.nan, prior) == pytest.approx(3.0 / 20.0)


def test_a_user_with_a_huge_history_has_their_own_rate() -> None:
    prior = Rate("pace", "sessions", "days", 3.0, 20.0)
    assert rate_of(4e6, 1e6, prior) == pytest.approx(4.0, rel=1e-4)


def test_in_between_the_rate_is_the_posterior_mean() -> None:
    assert rate_of(9.0, 21.0, Rate("pace", "sessions", "days", 2.0, 10.0)) == pytest.approx(11.0 / 31.0)


def test_the_prior_that_users_were_drawn_from_is_found() -> None:
    random = np.random.default_rng(4)
    days = random.uniform(5.0, 60.0, 5_000)
    sessions = random.poisson(random.gamma(2.0, 1 / 8.0, 5_000) * days).astype(float)
    fitted = shrunk_rate("pace", "sessions", "days", {"sessions": sessions, "days": days})
    assert (fitted.name, fitted.count, fitted.exposure) == ("pace", "sessions", "days")
    assert fitted.prior_count == pytest.approx(2.0, rel=0.1)
    assert fitted.prior_exposure == pytest.approx(8.0, rel=0.1)


@pytest.mark.parametrize("days", [(1.0, 20.0), (5.0, 60.0), (1.0, 365.0)])
def test_the_prior_is_that_of_all_users_where_the_quietest_are_not_seen(days: tuple[float, float]) -> None:
    """0.25 sessions a day: of users who are seen once they have had one, it looked like up to 0.31."""
    random = np.random.default_rng(8)
    exposures = random.uniform(*days, 8_000)
    sessions = random.poisson(random.gamma(2.0, 1 / 8.0, 8_000) * exposures).astype(float)
    seen = {"sessions": sessions[sessions > 0], "days": exposures[sessions > 0]}
    fitted = shrunk_rate("pace", "sessions", "days", seen, zero_truncated=True)
    assert fitted.prior_count / fitted.prior_exposure == pytest.approx(0.25, rel=0.03)
    assert fitted.prior_count == pytest.approx(2.0, rel=0.1)
    naive = shrunk_rate("pace", "sessions", "days", seen)
    assert naive.prior_count / naive.prior_exposure > fitted.prior_count / fitted.prior_exposure


def test_where_next_to_nobody_is_unseen_the_truncation_changes_nothing() -> None:
    random = np.random.default_rng(8)
    exposures = random.uniform(200.0, 400.0, 2_000)
    users = {"sessions": random.poisson(random.gamma(4.0, 1 / 8.0, 2_000) * exposures).astype(float), "days": exposures}
    fitted, naive = (shrunk_rate("pace", "sessions", "days", users, zero_truncated=zero) for zero in (True, False))
    assert fitted.prior_count == pytest.approx(naive.prior_count, rel=0.01)
    assert fitted.prior_exposure == pytest.approx(naive.prior_exposure, rel=0.01)


@pytest.mark.parametrize("zero_truncated", [True, False])
@pytest.mark.parametrize(
    ("count", "exposure"), [(1.0, 0.0), (1.0, 9.0), (0.0, 0.0), (0.0, 30.0), (9.0, 30.0), (np.nan, np.nan), (5.0, 0.0)]
)
def test_alike_users_give_a_finite_prior(count: float, exposure: float, zero_truncated: bool) -> None:  # noqa: FBT001
    users = {"sessions": np.full(20, count), "days": np.full(20, exposure)}
    fitted = shrunk_rate("pace", "sessions", "days", users, zero_truncated=zero_truncated)
    assert np.isfinite([fitted.prior_count, fitted.prior_exposure]).all()
    assert min(fitted.prior_count, fitted.prior_exposure) > 0
    if count == 9.0:
        assert rate_of(9.0, 30.0, fitted) == pytest.approx(0.3, rel=0.01)
