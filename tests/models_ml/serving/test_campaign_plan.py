"""Campaigns in the app: the plan is the one that the command line would draw, and past ones have their effect."""

from __future__ import annotations

import csv
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from planning_store import PUBLICATION, VERSION, client, tables, written

from models_ml.campaigns.arms import CONTROL, TREATMENT, Arm, is_open, reduction_interval
from models_ml.campaigns.spec import MONEY, id_of
from models_ml.serving.answers.campaign import COLUMNS, list_as_csv, past, plan, told
from models_ml.serving.web.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from models_ml.serving.store import Store

CHEAP = {"offer_cost": "1", "budget": "5", "save_rate": "0.3", "customer_value": "60", "holdout": "0.25"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return written(tmp_path)


def errors_of(store: Store, **given: object) -> dict[str, str]:
    with pytest.raises(Problem) as wrong:
        plan(store, CHEAP | given)
    assert wrong.value.status == 422
    return wrong.value.errors


def test_the_best_are_offered_as_long_as_the_budget_lasts(store: Store) -> None:
    found = plan(store, CHEAP | {"holdout": "0"})
    assert [target.user_id for target in found.targets] == ["12", "11", "10", "9", "8"]
    assert found.targets[0].expected_value == pytest.approx(0.6 * 0.3 * 60 - 1)
    assert found.targets[0].expected_value_low == pytest.approx(0.3 * 0.3 * 60 - 1)
    assert (found.chosen.offers, found.chosen.spent, found.control_users) == (5, 5.0, 0)
    assert found.chosen.gain == pytest.approx(sum(target.expected_value for target in found.targets))
    assert found.expected_saved == pytest.approx(0.3 * (0.6 + 0.55 + 0.5 + 0.45 + 0.4))


def test_control_is_drawn_by_the_id_as_the_command_line_draws_it(store: Store) -> None:
    found = plan(store, CHEAP | {"name": "spring", "budget": "100"})
    for target in found.targets:
        share = int(sha256(f"spring {target.user_id}".encode()).hexdigest()[:13], 16) / 16**13
        assert target.arm == (CONTROL if share < 0.25 else TREATMENT)
    held_out = [target for target in found.targets if target.arm == CONTROL]
    assert found.control_users == len(held_out) > 0
    assert found.control_cost == pytest.approx(sum(target.expected_value for target in held_out))


def test_the_id_is_that_of_the_settings(store: Store) -> None:
    settings = {"as_of_date": "2018-12-03", "label": PUBLICATION.label, "model_version": VERSION}
    assert plan(store, CHEAP).campaign_id == id_of(settings | {name: float(CHEAP[name]) for name in MONEY})


def test_the_command_fixes_the_same_plan(store: Store) -> None:
    assert plan(store, CHEAP | {"name": "spring"}).command == (
        "sparkhouse campaign --budget 5 --offer-cost 1 --save-rate 0.3 --customer-value 60 --holdout 0.25 "
        "--label churned_in_time_bin --as-of 2018-12-03 --model-version v2-abc --name spring"
    )


def test_a_campaign_that_was_drawn_is_said_to_stand(store: Store) -> None:
    assert plan(store, CHEAP | {"name": "winter"}).stands
    assert not plan(store, CHEAP).stands


def test_the_curve_goes_from_nothing_to_all_that_pay(store: Store) -> None:
    found = plan(store, CHEAP | {"holdout": "0"})
    pays = [risk for place in range(12) if (risk := 0.05 + 0.05 * place) * 18 > 1]
    assert [point.offers for point in found.curve] == list(range(len(pays) + 1))
    assert found.curve[0].gain == 0
    assert found.curve[-1].gain == pytest.approx(sum(18 * risk - 1 for risk in pays))
    assert found.chosen == found.curve[5]
    assert found.chosen in told(found.curve, found.chosen)


def test_predictions_without_an_interval_have_a_gain_without_one(tmp_path: Path) -> None:
    rows = tables()["predictions"]
    assert rows is not None
    store = written(tmp_path, predictions=rows.assign(probability_low=None, probability_high=None))
    found = plan(store, CHEAP)
    assert (found.chosen.low, found.chosen.high) == (None, None)
    assert client(tmp_path).get("/campaign", query_string=CHEAP).status_code == 200


def test_where_no_offer_pays_the_page_says_from_what_on_one_would(store: Store, tmp_path: Path) -> None:
    assert plan(store, CHEAP | {"offer_cost": "50", "budget": "100"}).targets == ()
    answer = client(tmp_path).get("/campaign?offer_cost=50&budget=100")
    assert answer.status_code == 200
    assert "Nobody of 2018-12-03 is worth an offer" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("field", "value", "must"),
    [
        ("budget", "abc", "Has to be a number"),
        ("budget", "nan", "Has to be a number"),
        ("budget", "1e400", "Has to be a number"),
        ("budget", "0.5", "The budget must pay one offer at least"),
        ("offer_cost", "0", "The offer cost must be above 0"),
        ("save_rate", "2", "The save rate must be above 0 and at most 1"),
        ("holdout", "1", "The holdout must be 0 or more and below 1"),
        ("name", "../../etc", "The name must be"),
        ("name", "<script>", "The name must be"),
        ("name", "a" * 10_000, "The name must be"),
        ("label", "x", "no such field"),
    ],
)
def test_a_wrong_setting_is_told_what_it_has_to_be(
    store: Store, tmp_path: Path, field: str, value: str, must: str
) -> None:
    errors = errors_of(store, **{field: value})
    assert list(errors) == [field]
    assert must in errors[field]
    answer = client(tmp_path).get("/campaign", query_string=CHEAP | {field: value})
    assert answer.status_code == 422
    assert "<script>" not in answer.get_data(as_text=True)
    assert len(answer.data) < 30_000
    assert client(tmp_path).get("/campaign/list.csv", query_string={field: value}).status_code == 422


def test_without_predictions_the_page_says_what_makes_them(tmp_path: Path) -> None:
    store = written(tmp_path, predictions=None, campaigns=None)
    with pytest.raises(Problem, match="sparkhouse predict"):
        plan(store, {})
    answer = client(tmp_path).get("/campaign").get_data(as_text=True)
    assert "<code>sparkhouse predict</code>" in answer
    assert "<code>sparkhouse campaign</code> draws one" in answer
    assert client(tmp_path).get("/campaign/list.csv").status_code == 409


def test_a_label_that_does_not_mean_leaving_has_no_campaign(tmp_path: Path) -> None:
    store = written(tmp_path, replace(PUBLICATION, label="upgraded_in_time_bin"))
    with pytest.raises(Problem, match="No campaign can be planned") as wrong:
        plan(store, {})
    assert wrong.value.status == 409


def test_the_file_has_the_columns_of_the_command_line_and_no_formula(store: Store, tmp_path: Path) -> None:
    answer = client(tmp_path).get("/campaign/list.csv", query_string=CHEAP | {"name": "spring"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="spring.csv"'
    assert answer.get_data(as_text=True) == list_as_csv(plan(store, CHEAP | {"name": "spring"}))
    lines = list(csv.reader(answer.get_data(as_text=True).splitlines()))
    assert tuple(lines[0]) == COLUMNS
    assert lines[1][:5] == ["spring", "1", "12", CONTROL, "2018-12-03"]
    assert lines[1][8] == 'on the level free (less risk); =HYPERLINK("x") (more risk)'


def test_cells_that_a_spreadsheet_would_run_are_defused(tmp_path: Path) -> None:
    rows = tables()["predictions"]
    assert rows is not None
    hostile = rows.assign(user_id=[f"=1+{user}" for user in rows.user_id], reasons='["@SUM(A1)"]')
    found = list_as_csv(plan(written(tmp_path, predictions=hostile), CHEAP))
    line = list(csv.reader(found.splitlines()))[1]
    assert (line[2][:2], line[8]) == ("'=", "'@SUM(A1)")


def test_past_campaigns_have_their_effect_with_its_interval_once_it_is_known(store: Store, tmp_path: Path) -> None:
    winter, autumn = past(store)
    assert autumn.reduction == reduction_interval(Arm(40, 40, 16), Arm(60, 60, 6))
    assert not autumn.is_open
    assert (autumn.spent, winter.reduction) == (120.0, None)
    assert winter.obstacle is not None
    assert winter.obstacle.startswith("the outcome is not over")
    text = client(tmp_path).get("/campaign").get_data(as_text=True)
    assert "the offers kept customers" in text
    assert "Not yet: the outcome is not over" in text


def test_few_users_leave_the_effect_open() -> None:
    assert is_open(Arm(29, 29, 0), Arm(40, 40, 40))
    assert not is_open(Arm(30, 30, 0), Arm(40, 40, 40))


@pytest.mark.usefixtures("store")
def test_the_page_lists_who_and_marks_nothing_up(tmp_path: Path) -> None:
    text = client(tmp_path, read_only=True).get("/campaign", query_string=CHEAP).get_data(as_text=True)
    assert "<td>on the level free (less risk)</td>" in text
    assert "sparkhouse campaign --budget 5 --offer-cost 1" in text
