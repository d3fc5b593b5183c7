"""A backtest as an analyst's note, in words and in the terminal; `backtest_page` makes a page of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from rich.table import Table

from technic.errors import counted
from technic.interfaces.render.plain_console import WholeTable
from technic.interfaces.render.text import console
from technic.research.statistics.significance import YEAR
from technic.scanner.manifest import with_digest

if TYPE_CHECKING:
    from technic.research.backtest.result import Backtest

SURE = 0.95
HEAD = ("", "net", "before costs", "benchmark")
YEAR_HEAD = ("year", "return", "benchmark", "deepest fall", "turnover")
LONG = 20  # sessions without anything held, which a reader should know of


def percent(value: float | None, digits: int = 1) -> str:
    """A share with its sign."""
    return "–" if value is None else f"{100.0 * value:+.{digits}f} %"


def figure(value: float | None, form: str = "+.2f", unit: str = "") -> str:
    """A number with its unit; a dash where it is not known."""
    return "–" if value is None else f"{value:{form}}{unit}"


def verdict(content: Mapping[str, Any], trials: int) -> str:
    """What may be concluded, in one sentence: nothing more than the interval allows."""
    sharpe, low, high = content["sharpe"], content["sharpe_low"], content["sharpe_high"]
    if sharpe is None:
        return "Nothing was traded: there is nothing to conclude."
    if low is None:
        return "Too short to say how sure its Sharpe ratio is: nothing can be concluded."
    span = f"net Sharpe ratio {sharpe:+.2f}, 95 % interval {low:+.2f} to {high:+.2f}"
    if low <= 0.0 <= high:
        return f"Not told from chance: {span}."
    if high < 0.0:
        return f"It lost, and not by chance alone: {span}."
    if (content["dsr"] or 0.0) < SURE:
        return (
            f"Above zero by itself ({span}), but not after {trials:,} questions were tried on this "
            f"store: more than luck with a chance of {content['dsr']:.2f}."
        )
    return f"Above zero ({span}), also after {trials:,} questions were tried on this store."


def told(backtest: Backtest) -> dict[str, Any]:
    """Everything as JSON holds it, and what may be concluded, in words."""
    words = verdict(backtest.summary["performance"], backtest.trials)
    return with_digest(
        {
            **backtest.as_dict(),
            "verdict": words,
            "hangs": hangs(backtest),
            "figures": figures(backtest),
        }
    )


def render_backtest(backtest: Backtest, stream: TextIO) -> None:
    """The verdict, then the figures, then what they hang on."""
    out = console(stream)
    if backtest.simulated:
        out.print("SIMULATED MARKET", style="bold yellow")
    out.print(
        f"{backtest.name} · {backtest.first} to {backtest.last}", style="bold", highlight=False
    )
    for line in story(backtest):
        out.print(line, markup=False, highlight=False)
    table = WholeTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in HEAD:
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for row in figures(backtest):
        table.add_row(*row)
    out.print(table)
    years = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in YEAR_HEAD:
        years.add_column(name, justify="left" if name == "year" else "right")
    for cells in year_rows(backtest):
        years.add_row(*cells)
    out.print(years)
    for line in hangs(backtest):
        out.print(line, markup=False, highlight=False)
    for note in backtest.notes:
        out.print(f"Note: {note}", markup=False, highlight=False)
    out.print(f"sealed {backtest.manifest['seal'][:12]}", highlight=False)


def story(backtest: Backtest) -> list[str]:
    """What may be concluded, what was done, and how it traded: a line each."""
    rules, summary = backtest.rules, backtest.summary
    trading = summary["trading"]
    plan = backtest.asked["plan"]
    return [
        verdict(summary["performance"], backtest.trials),
        (
            f"Asked on {counted(backtest.decisions, 'session')} ({rules.rebalance}), on what was known then; "
            f"filled at the next open. The best {rules.hold} are held {plan['side']}, equal shares of "
            f"${plan['account']:,.0f}; one stays while it ranks {rules.kept} or better."
        ),
        (
            f"{trading['trades']:,} trades, {figure(trading['winners'], '.0%')} made money; held "
            f"{figure(trading['sessions_held'], '.0f')} sessions in the mean; invested "
            f"{figure(trading['exposure'], '.0%')}; turned over "
            f"{figure(trading['turnover'], '.1f')} times a year."
        ),
    ]


def figures(backtest: Backtest) -> list[tuple[str, str, str, str]]:
    """The main figures: net, before costs, and of the benchmark."""
    three = [backtest.summary[name] or {} for name in ("performance", "gross", "benchmark")]

    def row(name: str, of: Any) -> tuple[str, str, str, str]:
        first, second, third = (of(part) if part else "–" for part in three)
        return name, first, second, third

    return [
        row("total", lambda p: percent(p["total"])),
        row("a year", lambda p: percent(p["yearly"])),
        row("volatility a year", lambda p: percent(p["volatility"]).lstrip("+")),
        row("Sharpe ratio", lambda p: figure(p["sharpe"])),
        row("95 % interval", lambda p: _interval(p["sharpe_low"], p["sharpe_high"])),
        row("deepest fall", lambda p: percent(p["drawdown"])),
        row("from, to", lambda p: f"{p['drawdown_from']} {p['drawdown_to']}"),
    ]


def year_rows(backtest: Backtest) -> list[tuple[str, ...]]:
    """The figures of each calendar year, under `YEAR_HEAD`."""
    return [
        (
            str(year["year"]),
            percent(year["return"]),
            percent(year["benchmark"]),
            percent(year["drawdown"]),
            figure(year["turnover"], ".1f", " ×"),
        )
        for year in backtest.summary["years"]
    ]


def _interval(low: float | None, high: float | None) -> str:
    return "too few" if low is None else f"{low:+.2f} {high:+.2f}"


def hangs(backtest: Backtest) -> list[str]:
    """What the figures hang on: costs, trials, survivors, delistings, capacity, orders."""
    return [
        _cost_line(backtest.summary["trading"]),
        _trial_line(backtest),
        _survivor_line(backtest.summary),
        _vanished_line(backtest),
        *_idle(backtest),
        *_capacity_lines(backtest),
        *_order_lines(backtest),
    ]


def _cost_line(trading: Mapping[str, Any]) -> str:
    costs, left = trading["costs"], trading["break_even_bps"]
    parts = ", ".join(f"{k} ${v:,.0f}" for k, v in costs.items() if k != "total" and v)
    verdict = f"nothing is left at {left:.1f}." if (left or 0.0) > 0.0 else "it lost before them."
    return (
        f"Costs: ${costs['total']:,.0f}{f' ({parts})' if parts else ''}, "
        f"{figure(trading['costs_bps'], '.1f')} basis points of what was traded a side; {verdict}"
    )


def _trial_line(backtest: Backtest) -> str:
    count = backtest.trials
    trials = "1 question was" if count == 1 else f"{count:,} distinct questions were"
    chance = figure(backtest.summary["performance"]["dsr"], ".2f")
    return (
        f"Trials: {trials} tried on this store; that the Sharpe ratio is more than the best of "
        f"so many by luck has a chance of {chance}."
    )


def _survivor_line(summary: Mapping[str, Any]) -> str:
    survivors = summary["survivors"]
    return (
        f"Survivors: without the names that vanished it would have made "
        f"{percent(survivors['yearly'])} a year, {percent(survivors['difference'])} more than "
        "with them."
    )


def _vanished_line(backtest: Backtest) -> str:
    summary = backtest.summary
    vanished = summary["trading"]["vanished"]
    if not vanished:
        return "Vanishing names: none was held to its end."
    imputed = "; ".join(f"with {name}, {percent(v)}" for name, v in summary["delisting"].items())
    return (
        f"Vanishing names: {vanished:,} were held to the end, and are taken to return "
        f"{percent(backtest.rules.delisting, 0)} from their last close: "
        f"{percent(summary['performance']['yearly'])} a year; {imputed}. Some were bought by "
        "others at a good price: that is not told apart."
    )


def _capacity_lines(backtest: Backtest) -> list[str]:
    """How large an account may be, and how long a span would settle the Sharpe ratio."""
    capacity = backtest.summary["capacity"]
    needed = backtest.summary["performance"]["sessions_needed"]
    lines = []
    if capacity is not None:
        lines.append(
            f"Capacity: from an account of ${capacity:,.0f} one order in ten would be "
            f"more than {100 * backtest.asked['plan']['max_adv']:g} % of what its name trades."
        )
    if needed is not None:
        lines.append(
            f"To tell such a Sharpe ratio from zero takes about {needed:,.0f} sessions, "
            f"{needed / YEAR:,.1f} years; these are {len(backtest.days):,}."
        )
    return lines


def _order_lines(backtest: Backtest) -> list[str]:
    """Orders that were cut short or given up, and sessions with too few names."""
    trading, least = backtest.summary["trading"], backtest.summary["ranked"]["least"]
    lines = []
    if trading["capped"]:
        lines.append(f"{trading['capped']:.0%} of the orders could only be filled in part.")
    if trading["missed"]:
        lines.append(f"{trading['missed']:,} purchases were given up: the name did not open.")
    if least < backtest.rules.hold:
        lines.append(
            f"On some sessions fewer than {backtest.rules.hold} names were ranked "
            f"({least:,} at least): the rest stayed in cash."
        )
    return lines


def _idle(backtest: Backtest) -> list[str]:
    """A line, if for long nothing was held at all: that time is in every figure."""
    waited = int(np.argmax(backtest.exposure != 0.0)) if backtest.exposure.any() else 0
    if waited < LONG:
        return []
    line = (
        f"Nothing was held for the first {waited:,} of {counted(len(backtest.days), 'session')}, until "
        f"{backtest.days[waited]}: mostly the question reads further back than the store then went. "
        f"That idleness is in every figure; without it: --from {backtest.days[waited - 1]}."
    )
    return [line]
