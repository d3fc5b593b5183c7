"""A backtest in words: what may be concluded, and what it hangs on."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from technic.interfaces.render.backtest import figures, hangs, render_backtest, told, verdict
from technic.interfaces.render.backtest_page import backtest_page
from technic.research.backtest.result import Backtest
from technic.scanner.spec.backtest_rules import BacktestRules

PART = {"total": 0.25, "yearly": 0.12, "volatility": 0.2, "sharpe": 0.61, "sharpe_low": -0.2,
        "sharpe_high": 1.4, "dsr": 0.4, "drawdown": -0.18, "drawdown_from": "2024-02-01",
        "drawdown_to": "2024-03-01", "sessions_needed": 2_520.0}  # fmt: skip
TRADING = {"trades": 30, "winners": 0.55, "sessions_held": 18.2, "exposure": 0.93, "turnover": 4.5,
           "costs": {"commission": 10.0, "spread": 90.0, "borrow": 0.0, "total": 100.0},
           "break_even_bps": 42.0, "costs_bps": 8.5, "vanished": 0, "capped": 0.0, "missed": 0}  # fmt: skip
TRADE = {"symbol": "A<B", "entry": "2024-01-03", "exit": "2024-02-01", "shares": 1_200.0,
         "entry_price": 10.0, "exit_price": 11.0, "costs": 1.5, "dividends": 0.0, "profit": 1_198.5,
         "reason": "rank"}  # fmt: skip
DAYS = 40


@pytest.fixture
def note():
    summary = {
        "performance": PART, "gross": PART, "benchmark": None, "trading": TRADING,
        "capacity": None, "years": [{"year": 2024, "return": 0.25, "benchmark": None,
                                     "drawdown": -0.18, "turnover": 4.5}],
        "survivors": {"yearly": 0.13, "difference": 0.01}, "delisting": {"0 %": 0.125},
        "ranked": {"least": 100},
    }  # fmt: skip
    asked = {"plan": {"side": "long", "account": 100_000.0, "max_adv": 0.01}, "universe": "",
             "where": "close > 1", "rank": "ret(21)", "missing": "drop", "benchmark": ""}  # fmt: skip
    equity = 100_000.0 * np.exp(np.linspace(0.0, 0.2, DAYS))
    return Backtest(
        name="mine", asked=asked, rules=BacktestRules(), first=date(2024, 1, 2),
        last=date(2024, 2, 28), decisions=8, trials=1, summary=summary,
        days=tuple(str(np.datetime64("2024-01-02") + k) for k in range(DAYS)), equity=equity,
        benchmark=np.full(DAYS, np.nan), exposure=np.full(DAYS, 0.93), trades=(TRADE,),
        manifest={"seal": "abcdef0123456789"}, simulated=True, store_version="v1",
        notes=("prices are [as traded]",),
    )  # fmt: skip


def with_summary(note, **parts):
    return replace(note, summary={**note.summary, **parts})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sharpe": None}, "Nothing was traded: there is nothing to conclude."),
        ({"sharpe_low": None}, "Too short to say how sure its Sharpe ratio is"),
        ({}, "Not told from chance: net Sharpe ratio +0.61, 95 % interval -0.20 to +1.40."),
        ({"sharpe_low": -2.0, "sharpe_high": -0.1}, "It lost, and not by chance alone"),
        ({"sharpe_low": 0.1}, "but not after 1,234 questions were tried"),
        ({"sharpe_low": 0.1, "dsr": 0.97}, "Above zero (net Sharpe ratio +0.61"),
    ],
)
def test_a_verdict_claims_no_more_than_its_interval(change, says):
    assert says in verdict({**PART, **change}, 1_234)


def test_what_is_not_known_is_a_dash(note):
    rows = {row[0]: row[1:] for row in figures(note)}
    assert rows["total"] == ("+25.0 %", "+25.0 %", "–")
    assert rows["95 % interval"][0] == "-0.20 +1.40"
    few = with_summary(note, performance={**PART, "sharpe_low": None, "total": None})
    rows = {row[0]: row[1:] for row in figures(few)}
    assert rows["total"][0] == "–"
    assert rows["95 % interval"][0] == "too few"


def trading(note, **parts):
    return with_summary(note, trading={**TRADING, **parts})


def test_what_a_backtest_hangs_on_is_said(note):
    said = hangs(note)
    assert said[0] == (
        "Costs: $100 (commission $10, spread $90), 8.5 basis points of what was traded a side; "
        "nothing is left at 42.0."
    )
    assert said[1].startswith("Trials: 1 question was tried on this store")
    assert said[3] == "Vanishing names: none was held to its end."
    assert said[-1].startswith("To tell such a Sharpe ratio from zero takes about 2,520 sessions, ")
    assert "12 distinct questions were" in hangs(replace(note, trials=12))[1]
    lost = hangs(trading(note, break_even_bps=None, costs={"total": 0.0}))
    assert lost[0].startswith("Costs: $0, 8.5 basis")
    assert lost[0].endswith("it lost before them.")


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"vanished": 3}, "Vanishing names: 3 were held to the end, and are taken to return"),
        ({"capped": 0.25}, "25% of the orders could only be filled in part."),
        ({"missed": 1_200}, "1,200 purchases were given up: the name did not open."),
    ],
)
def test_a_line_is_there_only_where_there_is_something_to_say(note, parts, says):
    assert any(line.startswith(says) for line in hangs(trading(note, **parts)))
    assert not any(line.startswith(says) for line in hangs(note))


def test_capacity_thin_sessions_and_idle_time_have_lines(note):
    assert any(
        line.startswith("Capacity: from an account of $5,000,000 one order in ten")
        and "more than 1 % of" in line
        for line in hangs(with_summary(note, capacity=5e6))
    )
    thin = hangs(with_summary(note, ranked={"least": 2}))
    assert thin[-1].startswith(
        f"On some sessions fewer than {note.rules.hold} names were ranked (2 "
    )
    waited = replace(note, exposure=np.where(np.arange(DAYS) < 25, 0.0, 0.9))
    (line,) = [line for line in hangs(waited) if line.startswith("Nothing was held")]
    assert line.startswith(
        f"Nothing was held for the first 25 of {DAYS} sessions, until 2024-01-27"
    )
    assert line.endswith("without it: --from 2024-01-26.")
    assert not any(x.startswith("Nothing was held") for x in hangs(note))


def test_the_terminal_the_page_and_the_json_say_the_same(note):
    stream = io.StringIO()
    render_backtest(note, stream)
    text = " ".join(stream.getvalue().split())
    page = backtest_page(note)
    content = told(note)
    assert text.startswith("SIMULATED MARKET mine · 2024-01-02 to 2024-02-28 Not told from chance:")
    assert content["verdict"] in text
    assert "Note: prices are [as traded]" in text
    assert text.endswith("sealed abcdef012345")
    assert "30 trades, 55% made money; held 18 sessions in the mean" in text
    assert "SIMULATED MARKET" in page
    assert "A&lt;B" in page
    assert "A<B" not in page
    assert "1 trades" in page
    assert page.count("<svg") == 4
    assert "The last 200" not in page
    assert "The last 200 of 201" in backtest_page(replace(note, trades=(TRADE,) * 201))
