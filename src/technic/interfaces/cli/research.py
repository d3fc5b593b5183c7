"""Commands that look at the market as a whole, and at what scores have been worth."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Annotated

import typer

from technic.errors import ConfigError, counted, printable
from technic.interfaces.cli import options
from technic.interfaces.cli.groups import MomentOptions, StoreOptions, grouped


@grouped
def evaluate(
    columns: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SCORE…]", help="Scores, features, any expression."),
    ] = None,
    universe: Annotated[
        str | None, typer.Option("--universe", metavar="NAME|QUESTION", help="Who is compared.")
    ] = None,
    as_of: options.AsOfOption = None,
    last: Annotated[int | None, typer.Option(help="Sessions to look at.", min=30)] = None,
    out: options.PageOption = None,
    executor: options.ExecutorOption = None,
    *,
    target: StoreOptions,
) -> None:
    """Measure what scores and features have been worth on this store.

    Rank correlation with the returns of the next 1, 5 and 21 sessions, with its 95 % interval;
    nothing is fitted. All ratings and scores if none is named.
    """
    from datetime import UTC, datetime

    from technic.data.store.evidence import save_evidence
    from technic.interfaces.render.evidence import evidence_page, render_evidence
    from technic.research.evaluation.evaluate import DEFAULT_UNIVERSE
    from technic.research.evaluation.evaluate import evaluate as run
    from technic.scanner.spec.scan_file import UNIVERSES

    options.check_page(out)
    desk = target.desk(ready=True)
    with ExitStack() as stack:
        advance = stack.enter_context(options.bar("Evaluating"))
        runner = None
        if executor is not None:
            runner = stack.enter_context(options.executor(executor, desk.settings))
        evaluation = run(
            desk.store,
            columns or (),
            universe=UNIVERSES.get(universe, universe) if universe else DEFAULT_UNIVERSE,
            as_of=options.day(as_of),
            last=last,
            settings=desk.settings,
            executor=runner,
            progress=advance,
        )
    save_evidence(desk.store, evaluation.about(), datetime.now(UTC))
    if out is not None:
        out.write_text(evidence_page(evaluation), encoding="utf-8")
    if target.as_json:
        options.emit_json(evaluation.as_dict())
        return
    render_evidence(evaluation, sys.stdout)
    if out is not None:
        print(f"Plots: {out}")


@grouped
def regime(moment: MomentOptions, target: StoreOptions) -> None:
    """How the market as a whole stands: breadth, highs and lows, dispersion, volatility, trend."""
    from technic.scanner.columns.attributes import market_regime

    desk = target.desk(ready=True)
    regime = market_regime(
        desk.store, moment.session, known_at=moment.instant, settings=desk.settings
    )
    if target.as_json:
        options.emit_json({"as_of": regime.as_of, **regime.as_dict()})
        return
    print(f"The market as of {regime.as_of}, {regime.members:,} stocks")
    for what, how in regime.lines:
        print(f"  {what:28} {how}")
    print(f"In questions: {', '.join(regime.values)}")


@grouped
def universe(
    sectors: Annotated[str | None, typer.Option(metavar="A,B", help="Sectors.")] = None,
    min_market_cap: Annotated[str | None, typer.Option(metavar="USD", help="300M, 2B …")] = None,
    min_volume: Annotated[
        str | None, typer.Option(metavar="SHARES", help="Mean of 20 sessions.")
    ] = None,
    types: Annotated[str | None, typer.Option(metavar="A,B", help="common, etf, adr …")] = None,
    exchanges: Annotated[str | None, typer.Option(metavar="A,B", help="XNYS, XNAS …")] = None,
    as_of: options.AsOfOption = None,
    *,
    target: StoreOptions,
) -> None:
    """Who was listed, by sector, size and kind, as it was known on a day."""
    desk = target.desk()
    securities = desk.store.load_universe(
        sectors=_listed(sectors),
        types=_listed(types),
        exchanges=_listed(exchanges),
        min_market_cap=_amount(min_market_cap, "--min-market-cap"),
        min_volume=_amount(min_volume, "--min-volume"),
        as_of=options.day(as_of),
    )
    if target.as_json:
        options.emit_json(securities.to_dicts())
        return
    for row in securities.head(20).iter_rows(named=True):
        cells = (row["type"], row["exchange"], row["sector"] or "Unknown", row["name"])
        print(f"{row['symbol']:8} " + "  ".join(printable(str(cell or "–")) for cell in cells))
    more = (
        f"; 20 shown, all with {desk.command('universe --json')}" if securities.height > 20 else ""
    )
    print(f"{counted(securities.height, 'security')}{more}")


def runs(
    number: Annotated[
        int | None, typer.Argument(metavar="[NUMBER]", help="Print its manifest.")
    ] = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Runs that were kept: scans with --keep, and evaluations."""
    catalog = options.desk(store).store.catalog
    if number is not None:
        manifest = catalog.run(number)
        if manifest is None:
            raise ConfigError(f"{number}: no such run; technic runs lists them")
        options.emit_json(manifest)
        return
    kept_runs = catalog.runs()
    if as_json:
        options.emit_json(kept_runs)
        return
    for run in kept_runs[:50]:
        print(
            f"{run['id']:5}  {run['at']:%Y-%m-%d %H:%M}  {run['kind']:9} {run['as_of'] or '':10}  "
            f"{run['seal'][:12]:12}  {printable(run['name'])}"
        )
    print(f"{len(kept_runs):,} runs kept")


def scores(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One of them.")] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Every score, ratio and rating, with what it reads; or the page of one."""
    from technic.interfaces.render.indicator_reference import describe_score, score_entries

    if name is not None:
        entry = describe_score(name)
        if as_json:
            options.emit_json(entry)
        else:
            print(entry["page"])
        return
    entries = score_entries()
    if as_json:
        options.emit_json(entries)
        return
    for entry in entries:
        print(f"{entry['name']:22} {entry['part']:10} {entry['summary']}")


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _amount(text: str | None, option: str) -> float | None:
    """`300M` is 300 million."""
    if text is None:
        return None
    size = {"K": 1e3, "M": 1e6, "B": 1e9}.get(text[-1:].upper(), 1.0)
    try:
        return float(text[:-1] if size > 1.0 else text) * size
    except ValueError as error:
        raise ConfigError(f"{option} {text}: write a number such as 300M") from error
