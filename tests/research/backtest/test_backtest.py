"""The backtest: a ledger worked by hand, a strategy that must not profit, the same bytes anywhere."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import orjson
import polars as pl
import pytest

import technic as tc
from technic.data.simulated import simulate
from technic.errors import ConfigError, ModelError, StoreError
from technic.interfaces.render.backtest import hangs, verdict
from technic.interfaces.render.backtest_page import backtest_page
from technic.market.sessions import nyse
from technic.research.backtest import metrics
from technic.research.backtest.account import trade
from technic.research.backtest.costs import Costs, estimate_costs
from technic.research.backtest.decisions import sessions_of_decision
from technic.research.backtest.prices import PriceHistory
from technic.research.backtest.run import backtest, rerun_backtest, strategy_digest
from technic.research.backtest.summary import performance_where
from technic.research.trials import distinct_trials
from technic.runtime.executors import open_executor
from technic.scanner.plan import PlanRules
from technic.scanner.spec.backtest_rules import BacktestRules
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile

NAN = float("nan")
LAST = nyse().ordinal(date(2024, 3, 8))


def tape_from(opens, closes, *, splits=(), dividends=(), gone=()):
    """A tape of a few names; highs and lows bracket by nothing: a spread of half a tick."""
    opens, closes = np.array(opens, float), np.array(closes, float)
    n, k = closes.shape
    ratio, paid = np.ones((n, k)), np.zeros((n, k))
    for t, i, value in splits:
        ratio[t, i] = value
    for t, i, value in dividends:
        paid[t, i] = value
    ends = np.array([np.flatnonzero(~np.isnan(closes[:, i])).max() for i in range(k)])
    return PriceHistory(
        np.arange(k) + 1, np.arange(LAST - n + 1, LAST + 1), opens, np.fmax(opens, closes),
        np.fmin(opens, closes), closes, np.full((n, k), 1e6), ratio, paid, ends,
        np.isin(np.arange(k), gone),
    )  # fmt: skip


def flat_costs(tape, adv=1e9):
    shape = tape.close.shape
    return Costs(np.zeros(shape), np.zeros(shape), np.full(shape, adv))


def test_a_ledger_of_ten_trades_worked_by_hand():
    """Three names, ten sessions, two held, 10 basis points and half a cent a share.

    Account 10,000; who enters gets 5,000, or what is left. Fills at the next open:
    A buys at 10 · 1.001, sells at 12 · 0.999; and so on below, each line worked out on paper.
    """
    a = [10, 10, 11, 12, 12, 13, 12, 11, 10, 10, 11]
    b = [50, 50, 49, 50, 52, 51, 25, 26, 27, 26, 25]  # splits two for one on session 6
    c = [20, 20, 21, 22, 21, 20, 19, 20, 21, 22, 21]
    opens = np.array([a, b, c], float).T
    tape = tape_from(opens, opens, splits=[(6, 1, 2.0)], dividends=[(4, 2, 0.25)])
    decisions = {
        0: [1, 2, 3], 1: [2, 3, 1], 2: [3, 1, 2], 3: [3, 2, 1], 4: [2, 1, 3], 6: [1, 3, 2],
        7: [3, 2, 1], 8: [2, 1, 3], 9: [1, 3, 2],
    }  # fmt: skip
    rules = BacktestRules(hold=2, cost="10bps", commission=0.005)
    found = trade(tape, flat_costs(tape), decisions, rules, PlanRules(account=10_000.0))
    by_hand = _ledger(a, b, c)
    assert [t[:3] for t in by_hand] == [(t.security_id, t.entry, t.exit) for t in found.trades]
    for trade_, hand in zip(found.trades, by_hand, strict=True):
        assert trade_.shares == hand[3]
        assert trade_.entry_price == pytest.approx(hand[4], rel=1e-12)
        assert trade_.exit_price == pytest.approx(hand[5], rel=1e-12)
        assert trade_.profit == pytest.approx(hand[6], abs=1e-9)
    assert len(found.trades) == 10
    first, second = found.trades[:2]
    (paid,) = [t for t in found.trades if t.dividends]
    assert (first.shares, first.entry_price, first.exit_price) == (500, pytest.approx(10.01), pytest.approx(11 * 0.999))  # fmt: skip
    assert (second.entry_price, second.exit_price) == (pytest.approx(50.05), pytest.approx(49.95))
    assert (paid.security_id, paid.entry, paid.exit) == (3, 2, 5)
    assert paid.dividends == pytest.approx(0.25 * paid.shares)
    assert found.equity[-1] - 10_000.0 == pytest.approx(sum(t.profit for t in found.trades))


def _ledger(a, b, c):
    """The same by a plain loop over orders written out one by one, cash and shares as on paper."""
    orders = {  # session: sells, buys
        1: ([], ["A", "B"]), 2: (["A"], ["C"]), 3: (["B"], ["A"]), 4: (["A"], ["B"]),
        5: (["C"], ["A"]), 7: (["B"], ["C"]), 8: (["A"], ["B"]), 9: (["C"], ["A"]), 10: (["B"], ["C"]),
    }  # fmt: skip
    prices, ids = {"A": a, "B": b, "C": c}, {"A": 1, "B": 2, "C": 3}
    cash, held, out, equity = 10_000.0, {}, [], 10_000.0
    for t in range(11):
        if t == 6 and "B" in held:
            held["B"]["shares"] *= 2
        if t == 4 and "C" in held:
            held["C"]["paid"] = 0.25 * held["C"]["shares"]
            cash += held["C"]["paid"]
        sells, buys = orders.get(t, ([], []))
        for name in sells:
            h = held.pop(name)
            price = prices[name][t] * (1 - 0.001)
            cash += h["shares"] * price - 0.005 * h["shares"]
            profit = (h["shares"] * price - h["first"] * h["at"] + h["paid"]
                      - 0.005 * h["first"] - 0.005 * h["shares"])  # fmt: skip
            out.append((ids[name], h["t"], t, h["first"], h["at"], price, profit))
        for name in buys:
            yesterday = prices[name][t - 1] / (2 if (t == 6 and name == "B") else 1)
            shares = int(min(equity / 2, cash) / yesterday)
            price = prices[name][t] * 1.001
            while shares * (price + 0.005) > cash:
                shares = int(shares * min(cash / (shares * (price + 0.005)), 0.999))
            cash -= shares * price + 0.005 * shares
            held[name] = {"shares": shares, "first": shares, "at": price, "t": t, "paid": 0.0}
        equity = cash + sum(h["shares"] * prices[name][t] for name, h in held.items())
    for name, h in held.items():
        price = prices[name][10]
        profit = h["shares"] * price - h["first"] * h["at"] + h["paid"] - 0.005 * h["first"]
        out.append((ids[name], h["t"], 10, h["first"], h["at"], price, profit))
    return out


def test_what_vanishes_leaves_at_the_return_imputed_and_what_is_halted_waits():
    opens = np.array([[10, 10, 10, NAN, NAN, NAN], [20, 20, 20, NAN, NAN, 18]], float).T
    tape = tape_from(opens, opens, gone=[0])
    rules = BacktestRules(hold=2, cost="none", delisting=-0.3)
    decisions = {0: [1, 2], 2: []}
    found = trade(tape, flat_costs(tape), decisions, rules, PlanRules(account=1_000.0))
    gone, halted = found.trades
    assert (gone.reason, gone.exit, gone.exit_price) == ("vanished", 3, pytest.approx(7.0))
    assert (halted.reason, halted.exit, halted.exit_price) == ("ranked", 5, 18.0)
    assert found.equity[4] == pytest.approx(500 * 0.7 + 500)


def test_what_does_not_open_is_not_bought_and_a_large_order_is_filled_in_part():
    opens = np.array([[10, NAN, 10, 10], [10, 10, 10, 10]], float).T
    tape = tape_from(opens, np.full((4, 2), 10.0))
    rules = BacktestRules(hold=2, cost="none")
    costs = flat_costs(tape, adv=20_000.0)
    found = trade(tape, costs, {0: [1, 2]}, rules, PlanRules(account=10_000.0, max_adv=0.01))
    assert found.missed == 1
    assert [t.shares for t in found.trades] == [20]  # 1 % of 20,000 at 10
    assert found.capped == (20 / 500,)
    assert metrics.capacity(found, 0.01, 10_000.0) == pytest.approx(10_000 * 0.01 / 0.25)


def test_a_short_sale_gains_when_the_price_falls_and_pays_for_dividends_and_borrowing():
    opens = np.array([[10, 10, 9, 8]], float).T
    tape = tape_from(opens, opens, dividends=[(2, 0, 0.1)])
    rules = BacktestRules(hold=1, cost="none", borrow=0.252)
    found = trade(tape, flat_costs(tape), {0: [1]}, rules, PlanRules(side="short", account=1_000.0))
    (only,) = found.trades
    fees = 0.001 * (100 * 10 + 100 * 9 + 100 * 8)
    assert only.shares == -100
    assert only.profit == pytest.approx(100 * 2 - 100 * 0.1 - fees)
    assert found.costs["borrowing"] == pytest.approx(fees)


def test_costs_are_estimated_by_the_evening_before():
    """Prices of later sessions change nothing; a wide bid and ask is seen for what it is."""
    rng = np.random.default_rng(0)
    middle = 50 * np.exp(np.cumsum(rng.normal(0, 0.004, 400)))
    half = 0.01
    sides = rng.choice([-1, 1], 400)
    close = middle * (1 + half * sides)
    path = middle[:, None] * np.exp(rng.normal(0, 0.004, (400, 30)))
    high, low = path.max(axis=1) * (1 + half), path.min(axis=1) * (1 - half)
    tape = tape_from(close[:, None], close[:, None])
    tape = replace(tape, high=high[:, None], low=low[:, None])
    costs = estimate_costs(tape)
    assert np.median(costs.half_spread[30:]) == pytest.approx(half, rel=0.5)
    cut = replace(tape, close=tape.close.copy(), high=tape.high.copy(), low=tape.low.copy())
    for name in ("close", "high", "low"):
        getattr(cut, name)[200:] *= 3.0
    again = estimate_costs(cut)
    for name in ("half_spread", "volatility", "adv"):
        np.testing.assert_array_equal(getattr(again, name)[:200], getattr(costs, name)[:200])
    assert costs.impact(100, 0, 4e6) == pytest.approx(2 * costs.impact(100, 0, 1e6))


def test_a_split_is_no_spread_and_no_volatility():
    close = np.where(np.arange(60) < 30, 100.0, 50.0)[:, None]
    costs = estimate_costs(tape_from(close, close, splits=[(30, 0, 2.0)]))
    assert np.nanmax(costs.volatility) < 1e-12
    assert costs.half_spread[40, 0] == pytest.approx(0.005 / 50.0)


@pytest.mark.parametrize(
    ("rebalance", "wanted"),
    [("daily", 7), ("weekly", 2), ("monthly", 2)],
)
def test_decisions_fall_on_the_last_session_of_a_period(rebalance, wanted):
    days = [date(2024, 2, 26) + (date(2024, 2, 27) - date(2024, 2, 26)) * k for k in range(5)]
    days += [date(2024, 3, 4), date(2024, 3, 5)]
    assert len(sessions_of_decision(days, rebalance)) == wanted


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    market = simulate(seed=3, size=160, sessions=150)
    made = tc.open_store(tmp_path_factory.mktemp("backtest") / "store")
    made.import_bars(market.bars, simulated=market.about)
    made.import_listings(market.listings)
    return made


FILE = ScanFile(
    name="mine", rank="ret(21)", universe="close >= 2",
    backtest=BacktestRules(hold=10, rebalance="weekly"),
)  # fmt: skip


@pytest.fixture(scope="module")
def found(store):
    return backtest(store, FILE)


@pytest.mark.slow
def test_the_same_file_gives_the_same_bytes_anywhere(store, found):
    """On one and on two workers, on threads; and once more from its manifest."""
    for url in ("inline:", "threads:2", "processes:1", "processes:2"):
        with closing(open_executor(url)) as runner:
            again = backtest(store, FILE, executor=runner)
        assert orjson.dumps(again.as_dict()) == orjson.dumps(found.as_dict()), url
    assert rerun_backtest(store, found.manifest).manifest == found.manifest


def test_decisions_are_those_of_the_scan(store, found):
    """The names bought on a session are the best of the scan of the evening before."""
    entries = {}
    for row in found.trades:
        entries.setdefault(row["entry"], set()).add(row["symbol"])
    for day in list(entries)[:4]:
        before = nyse().day(nyse().ordinal(date.fromisoformat(day)) - 1)
        best = tc.scan(store, file=FILE, as_of=before, top=10).rows["symbol"].to_list()
        assert entries[day] <= set(best)


def test_nothing_of_the_future_moves_a_decision(store, tmp_path, found):
    """A store that ends earlier trades the same until then."""
    cut = date.fromisoformat(found.days[100])
    market = simulate(seed=3, size=160, sessions=150)
    shorter = tc.open_store(tmp_path / "shorter")
    shorter.import_bars(market.bars.filter(pl.col("date") <= cut), simulated=market.about)
    shorter.import_listings(market.listings)
    again = backtest(shorter, FILE)
    n = len(again.days)
    assert 95 < n <= 101
    early = [
        row for row in found.trades if row["exit"] < again.days[-8] and row["reason"] == "ranked"
    ]
    assert len(early) > 20
    same = {(r["symbol"], r["entry"], r["shares"], r["entry_price"]) for r in again.trades}
    assert all((r["symbol"], r["entry"], r["shares"], r["entry_price"]) in same for r in early)


@pytest.mark.slow
def test_a_strategy_without_any_knowledge_does_not_profit(store):
    """The canary: an order that has nothing to do with returns; costs only take."""
    blind = replace(FILE, rank="bars - 2 * volume / volume", name="blind",
                    backtest=BacktestRules(hold=30, rebalance="daily"))  # fmt: skip
    made = backtest(store, blind)
    performance = made.summary["performance"]
    assert performance["sharpe_low"] is None or performance["sharpe_low"] <= 0.0
    assert made.summary["gross"]["total"] >= performance["total"]
    assert not verdict(performance, made.trials).startswith("Above zero (")


def test_distinct_questions_are_counted_and_spans_and_costs_are_none(store, found):
    n = distinct_trials(store, "backtest")
    asked = resolve_question(FILE)
    digest = strategy_digest(asked, FILE.backtest)
    assert strategy_digest(asked, replace(FILE.backtest, cost="none", commission=0.1)) == digest
    assert strategy_digest(asked, replace(FILE.backtest, hold=11)) != digest
    other = backtest(store, replace(FILE, rank="ret(20)"))
    assert other.trials == n + 1 == distinct_trials(store, "backtest")
    assert other.manifest["question"]["trials"] == n + 1
    dsr = metrics.performance(np.array(found.equity), 1)["dsr"]
    assert metrics.performance(np.array(found.equity), 1000)["dsr"] < dsr
    assert (
        rerun_backtest(store, found.manifest).manifest == found.manifest
    )  # by the count it recorded


def test_figures_are_of_the_span_alone(store):
    """A span that begins later: what the tape holds before it, so that costs are known, is no idleness."""
    made = backtest(store, FILE, first=nyse().day(nyse().ordinal(store.require().last) - 60))
    exposure = made.summary["trading"]["exposure"]
    assert exposure == pytest.approx(float(made.exposure.mean()))
    assert exposure > 0.8
    traded = made.summary["years"]
    assert sum(year["sessions"] for year in traded) == len(made.days) == 61


def test_profits_add_up_to_the_account(found):
    account = found.asked["plan"]["account"]
    total = sum(row["profit"] for row in found.trades)
    assert found.equity[-1] - account == pytest.approx(total, abs=1e-6)
    costs = found.summary["trading"]["costs"]
    assert costs["total"] == pytest.approx(sum(v for k, v in costs.items() if k != "total"))
    assert (found.exposure <= 1.0 + 1e-9).all()


def test_a_benchmark_that_begins_late_fell_on_its_own_days(found):
    """Property: days unknown before the first, and in between, move no date of a fall."""
    prices = found.benchmark[~np.isnan(found.benchmark)]
    late = np.concatenate([np.full(7, np.nan), prices[:5], [np.nan], prices[5:-8]])
    days = [date(2020, 1, 1) + timedelta(t) for t in range(len(late))]
    figures = performance_where(late, days.__getitem__)
    _, since, until = metrics.drawdown(late[~np.isnan(late)])
    rows = np.flatnonzero(~np.isnan(late))
    assert figures["drawdown_from"] == days[rows[since]].isoformat()
    assert figures["drawdown_to"] == days[rows[until]].isoformat()
    assert performance_where(late[:8], days.__getitem__) is None


def test_a_long_idleness_is_told_with_the_day_it_ends(store):
    late = backtest(store, replace(FILE, where="close > sma(60)", name="late"))
    (line,) = [text for text in hangs(late) if text.startswith("Nothing was held")]
    first = min(row["entry"] for row in late.trades)
    assert f"until {first}" in line
    told = line.rpartition("--from ")[2].rstrip(".")
    again = backtest(store, replace(FILE, where="close > sma(60)"), first=date.fromisoformat(told))
    assert not any(text.startswith("Nothing was held") for text in hangs(again))


def test_the_page_holds_the_verdict_and_runs_nothing(found):
    page = backtest_page(found)
    assert verdict(found.summary["performance"], found.trials) in page
    assert "SIMULATED MARKET" in page
    assert "<script" not in page
    hostile = replace(found, name="<script>alert(1)</script>")
    assert "<script" not in backtest_page(hostile)


@pytest.mark.parametrize(
    ("sharpe", "low", "high", "dsr", "words"),
    [
        (None, None, None, None, "Nothing was traded"),
        (1.0, None, None, 0.5, "Too short"),
        (0.5, -0.2, 1.1, 0.9, "Not told from chance"),
        (-1.0, -1.5, -0.2, 0.0, "It lost"),
        (1.0, 0.2, 1.8, 0.5, "but not after 7 questions"),
        (3.0, 2.0, 4.0, 0.99, "also after 7 questions"),
    ],
)
def test_the_verdict_says_no_more_than_the_interval(sharpe, low, high, dsr, words):
    part = {"sharpe": sharpe, "sharpe_low": low, "sharpe_high": high, "dsr": dsr}
    assert words in verdict(part, 7)


def test_alpha_is_not_tested_on_what_it_learned_from(store):
    with pytest.raises(ModelError, match="technic train"):
        backtest(store, replace(FILE, rank="alpha"))


def test_a_span_outside_the_store_is_one_clear_line(store):
    with pytest.raises(StoreError, match="holds no session from"):
        backtest(store, FILE, first=date(1999, 1, 4), last=date(1999, 2, 1))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"rebalance": "hourly"}, "rebalance is"),
        ({"hold": 0}, "1 to 500"),
        ({"hold": 2.5}, "whole number"),
        ({"cost": "free"}, "cost is"),
        ({"commission": -1.0}, "from 0 to 10"),
        ({"commission": "a"}, "is a number"),
        ({"delisting": "10%"}, "from -1 to 0"),
        ({"delisting": "x"}, "is a share"),
        ({"from": "soon"}, "is no date: write it as"),
        ({"from": "2020-01-02", "to": "2019-01-02"}, "must lie after"),
        ({"stops": True}, "means nothing"),
        ([], "is a table"),
    ],
)
def test_rules_that_cannot_be_are_one_clear_line(content, words):
    with pytest.raises(ConfigError, match=words) as caught:
        BacktestRules.of(content, "mine.toml")
    assert "\n" not in str(caught.value)


def test_rules_go_round():
    rules = BacktestRules.of(
        {"from": date(2016, 1, 4), "rebalance": "monthly", "hold": 5, "cost": "12.5 bps",
         "delisting": "-55%", "borrow": "1%"}, "x",
    )  # fmt: skip
    assert BacktestRules.of(rules.as_dict(), "x") == rules
    assert rules.basis_points == 12.5
