"""The list of customers: what is filtered, sorted and paged is what SQL answers, and the CSV has all of it."""

from __future__ import annotations

import csv
import io
import sqlite3
from itertools import chain
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from planning_store import PUBLICATION
from serving_store import STRANGE, USERS, bare_store, customers, first_store, small_client, small_store, tables

from models_ml.serving.answers.customers import CHUNK, COLUMNS, SORTS, lines_of_csv, listed, read
from models_ml.serving.store import Stores
from models_ml.serving.store_file import write_store
from models_ml.serving.web.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from models_ml.serving.store import Store

CLOSING = "</script>"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    small_store(tmp_path)
    return Stores(tmp_path).newest()


def ids(store: Store, **given: str) -> list[str]:
    return [row["user_id"] for row in listed(store, read(given)).rows]


def test_all_are_listed_by_risk_and_who_was_not_scored_comes_last(store: Store) -> None:
    found = listed(store, read({}))
    assert (found.matching, found.customers, found.pages) == (12, 12, 1)
    risks = [row["probability"] for row in found.rows]
    assert risks[-1] is None
    assert risks[:-1] == sorted(risks[:-1], reverse=True)


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({"level": "paid"}, "level = 'paid'"),
        ({"device": "Windows", "state": "NY"}, "state = 'NY'"),
        ({"decile": "1"}, "risk_decile = 1"),
        ({"probability_from": "0.1", "probability_to": "0.3"}, "probability between 0.1 and 0.3"),
        ({"days_from": "3", "days_to": "5"}, "days_since_last_event between 3 and 5"),
        ({"members": "1"}, "cancelled_at is null"),
        ({"q": "newark"}, "metro like '%newark%'"),
        ({"q": "100%_SURE"}, "state = 'CA'"),
        ({"q": "%"}, "metro like '%!%%' escape '!' or user_id like '%!%%' escape '!'"),
        ({"q": "' or 1=1 --"}, "0"),
        ({"level": "paid' or '1'='1"}, "0"),
    ],
)
def test_each_filter_finds_what_sql_finds(store: Store, given: dict[str, str], condition: str) -> None:
    wanted = sqlite3.connect(store.path).execute(f"select user_id from customers where {condition}").fetchall()
    assert sorted(ids(store, **given)) == sorted(user for (user,) in wanted)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", sorted(SORTS))
def test_each_sort_orders_and_a_page_follows_the_one_before(store: Store, sort: str, order: str) -> None:
    whole = ids(store, sort=sort, order=order)
    paged = [ids(store, sort=sort, order=order, size="5", page=page) for page in ("1", "2", "3")]
    assert [len(page) for page in paged] == [5, 5, 2]
    assert list(chain.from_iterable(paged)) == whole
    values = [row[sort] for row in listed(store, read({"sort": sort, "order": order})).rows if row[sort] is not None]
    if sort != "user_id":
        assert values == sorted(values, reverse=order == "desc")


def test_ids_that_are_numbers_are_sorted_as_numbers(store: Store) -> None:
    assert ids(store, sort="user_id", order="asc")[:10] == [f"{number}" for number in range(1, 11)]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"probability_from": "ten"}, "probability_from"),
        ({"probability_to": "1.5"}, "probability_to"),
        ({"probability_to": "nan"}, "probability_to"),
        ({"days_from": "-1"}, "days_from"),
        ({"days_to": "inf"}, "days_to"),
        ({"decile": "11"}, "decile"),
        ({"members": "yes"}, "members"),
        ({"q": "x" * 101}, "q"),
        ({"sort": "user_id; drop table customers"}, "sort"),
        ({"sort": "reasons"}, "sort"),
        ({"order": "asc, 1"}, "order"),
        ({"page": "0"}, "page"),
        ({"page": "²"}, "page"),
        ({"size": "501"}, "size"),
        ({"size": "9" * 10_000}, "size"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, store: Store, given: dict[str, str], field: str) -> None:
    with pytest.raises(Problem) as refused:
        read(given)
    assert list(refused.value.errors) == [field]
    answer = small_client(store.path.parent).get("/customers", query_string=given)
    assert answer.status_code == 422
    assert refused.value.errors[field] in answer.get_data(as_text=True)
    assert small_client(tmp_path).get("/customers.csv", query_string=given).status_code == 422


@pytest.mark.usefixtures("store")
def test_a_page_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    answer = small_client(tmp_path).get("/customers?page=2")
    assert answer.status_code == 404
    assert "There is no page 2: the list has 1." in answer.get_data(as_text=True)


@pytest.mark.usefixtures("store")
def test_the_page_counts_in_words_and_links_keep_the_filters(tmp_path: Path) -> None:
    text = small_client(tmp_path).get("/customers?level=paid&size=2&page=2").get_data(as_text=True)
    assert ">6</data> of <data" in text
    assert 'href="/customers?level=paid&amp;size=2&amp;page=3"' in text
    assert 'href="/customers?level=paid&amp;size=2"' in text
    assert 'href="/customers.csv?level=paid&amp;size=2"' in text
    assert 'href="/customers?level=paid&amp;sort=risk_decile&amp;order=asc&amp;size=2"' in text


@pytest.mark.usefixtures("store")
def test_nobody_matches_and_the_page_says_how_to_go_on(tmp_path: Path) -> None:
    answer = small_client(tmp_path).get("/customers", query_string={"q": f'"{CLOSING}<b>'})
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "Nobody matches." in text
    assert "&#34;&lt;/script&gt;&lt;b&gt;" in text


@pytest.mark.usefixtures("store")
def test_ids_are_shown_as_text_and_lead_to_their_page(tmp_path: Path) -> None:
    client = small_client(tmp_path)
    text = client.get("/customers").get_data(as_text=True)
    assert "=1+1&lt;/script&gt;" in text
    assert text.count(CLOSING) == text.count("<script")
    for user in STRANGE:
        (path,) = [
            part.split('"')[0].replace("&amp;", "&").replace("&#39;", "'")
            for part in text.split('<a href="/customers/')[1:]
            if (">" + user.replace("<", "&lt;").replace(">", "&gt;") + "<") in part
        ]
        assert client.get(f"/customers/{path}").status_code == 200


@pytest.mark.usefixtures("store")
def test_the_csv_has_all_that_match_with_formulas_defused_and_numbers_as_they_are(tmp_path: Path) -> None:
    answer = small_client(tmp_path).get("/customers.csv?sort=user_id&order=asc&size=1")
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert tuple(rows[0]) == COLUMNS
    assert {row["user_id"] for row in rows} == {*USERS[:-1], f"'{USERS[-1]}"}
    wanted = customers().set_index("user_id")
    for row in rows:
        known = wanted.loc[row["user_id"].removeprefix("'")]
        assert row["probability"] == ("" if pd.isna(known.probability) else repr(float(known.probability)))
        if float(known.probability_change or 0) < 0:
            assert row["probability_change"].startswith("-")


def test_a_long_csv_comes_in_parts_that_are_whole_together(tmp_path: Path) -> None:
    many = pd.concat([customers()] * 400, ignore_index=True)
    many["user_id"] = [f"{number}" for number in range(len(many))]
    write_store(tmp_path, PUBLICATION, tables() | {"customers": many})
    parts = list(lines_of_csv(Stores(tmp_path).newest(), read({})))
    assert len(parts) == 1 + -(-len(many) // CHUNK)
    rows = list(csv.DictReader(io.StringIO("".join(parts), newline="")))
    assert {row["user_id"] for row in rows} == set(many.user_id)


def test_before_a_model_nobody_has_a_risk(tmp_path: Path) -> None:
    first_store(tmp_path)
    client = small_client(tmp_path)
    assert "not known" in client.get("/customers").get_data(as_text=True)
    assert "Nobody matches" in client.get("/customers?probability_from=0").get_data(as_text=True)


def test_without_customers_the_page_says_what_computes_them(tmp_path: Path) -> None:
    bare_store(tmp_path)
    client = small_client(tmp_path)
    assert "<code>sparkhouse run</code>" in client.get("/customers").get_data(as_text=True)
    assert client.get("/customers.csv").get_data(as_text=True) == ",".join(COLUMNS) + "\r\n"


def test_without_a_publication_the_list_says_what_to_run(tmp_path: Path) -> None:
    answer = small_client(tmp_path).get("/customers")
    assert answer.status_code == 503
    assert "<code>sparkhouse run</code>" in answer.get_data(as_text=True)
