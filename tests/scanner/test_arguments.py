"""What a scan is given, of the wrong kind: one clear error, and the next scan is none the wiser."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

import technic as tc
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.errors import ConfigError, SpanError, TechnicError

NAIVE = datetime.fromisoformat("2026-11-20T00:00:00")


@pytest.fixture(scope="module")
def store(tmp_path_factory, kernels):
    market = simulate(seed=4, size=20, sessions=40)
    made = FileStore(tmp_path_factory.mktemp("arguments") / "store")
    made.import_bars(market.bars, simulated=market.about)
    return made


@pytest.fixture(scope="module")
def last(store):
    return store.require().last


@pytest.mark.parametrize("top", [3.0, "3", True, 0, -1, 10**7, None.__class__, [3]])
def test_top_is_a_whole_number_and_a_wrong_one_spoils_no_other(store, top):
    with pytest.raises(ConfigError, match="top is a whole number"):
        tc.scan(store, top=top)
    assert len(tc.scan(store, rank="ret(5)", top=3).shown) == 3


@pytest.mark.parametrize("name", ["where", "rank"])
@pytest.mark.parametrize("value", [1, 0.0, b"close", ["close"], True])
def test_texts_are_texts(store, name, value):
    with pytest.raises(ConfigError, match=f"{name} is a text"):
        tc.scan(store, **{name: value})


@pytest.mark.parametrize("columns", [1, [1], ["close", None], b"close"])
def test_columns_are_a_list_of_texts(store, columns):
    with pytest.raises(ConfigError, match="columns is a list of texts"):
        tc.scan(store, columns=columns)


def test_a_single_column_may_be_a_text(store):
    assert tc.scan(store, rank="ret(5)", columns="close").shown[0].values.keys() == {"close"}
    assert tc.ScanFile(columns="close").columns == ("close",)


@pytest.mark.parametrize(
    "symbols", ["AAA", 1, [1], [None], {"a": 1}, ["AAA", 1], b"AAA", [["AAA"]], [], (), set()]
)
def test_symbols_are_a_list_of_texts_that_names_somebody(store, symbols):
    """Nobody is not everybody, and a text is not its letters."""
    with pytest.raises(ConfigError, match="symbols"):
        tc.scan(store, symbols=symbols)


def test_symbols_of_any_kind_of_list_are_the_same_question(store):
    names = sorted(row.symbol for row in tc.scan(store, rank="ret(5)", top=3).shown)
    for given in (names, tuple(names), set(names), iter(names), [*names, names[0]]):
        assert (
            sorted(row.symbol for row in tc.scan(store, rank="ret(5)", symbols=given).shown)
            == names
        )


@pytest.mark.parametrize("given", [0, "", [], False, "2026-11-20", NAIVE, 20261120])
def test_a_session_is_a_date(store, given):
    with pytest.raises(SpanError, match="as_of is a date"):
        tc.scan(store, as_of=given)


@pytest.mark.parametrize("given", ["2026-11-20", date(2026, 11, 20), 0, False, NAIVE])
def test_an_instant_has_its_zone(store, given):
    with pytest.raises(
        SpanError, match=r"known_at: .* (is no instant: write it as|names no zone: write one)"
    ):
        tc.scan(store, known_at=given)


def test_an_instant_of_any_zone_is_the_same_instant(store, last):
    noon = datetime(last.year, last.month, last.day, 12, tzinfo=UTC)
    there = noon.astimezone(timezone(timedelta(hours=5, minutes=30)))
    reports = [tc.scan(store, known_at=at) for at in (noon, there)]
    assert reports[0].manifest["seal"] == reports[1].manifest["seal"]


def test_whatever_is_wrong_is_an_error_of_ours_everywhere_a_session_is_named(store):
    for work in (
        lambda: tc.explain(store, "AAA", as_of="soon"),
        lambda: store.panel(as_of=datetime(2026, 11, 20, tzinfo=UTC)),
        lambda: store.panel(known_at="soon"),
    ):
        with pytest.raises(TechnicError):
            work()
