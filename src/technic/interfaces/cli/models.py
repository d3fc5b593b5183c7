"""Commands about what would have been, and will be: models, backtests, the record of reports."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from technic.errors import counted
from technic.interfaces.cli import options


def train(
    spec: Annotated[
        Path | None, typer.Argument(metavar="[SPEC.toml]", help="What to learn; see --print.")
    ] = None,
    canaries: Annotated[
        bool, typer.Option("--canaries", help="Look for leaks in full; minutes more.")
    ] = False,
    open_vault: Annotated[
        bool,
        typer.Option("--open-vault", help="Judge on the sessions kept back, too; it is logged."),
    ] = False,
    out: options.PageOption = None,
    show: Annotated[
        bool, typer.Option("--print", help="Print the default file, and learn nothing.")
    ] = False,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Learn a forecast of relative returns, and say honestly what it is worth.

    Walks forward through the history: each forecast is of a session its model could not know.
    The newest model gives `alpha` and `alpha_rank` to questions. A history of less than about
    nine years is too short to prove an edge, and the card says so by itself.
    """
    from technic.interfaces.render.model_card import card_page, render_card
    from technic.research.learning.train import train as run
    from technic.research.learning.train_file import TrainFile, default_text

    if show:
        print(default_text(), end="")
        return
    options.check_page(out)
    file = TrainFile.read(spec)
    desk = options.desk(store)
    desk.store.require()
    options.ensure_compiled(desk.settings)
    with ExitStack() as stack:
        advance = stack.enter_context(options.bar("Training"))
        trained = run(
            desk.store,
            file,
            canaries=canaries,
            open_vault=open_vault,
            settings=desk.settings,
            progress=advance,
        )
    if out is not None:
        out.write_text(card_page(trained.card), encoding="utf-8")
    if as_json:
        options.emit_json(trained.as_dict())
        return
    render_card(trained.card, sys.stdout)
    if out is not None:
        print(f"Card: {out}")
    print(f"Next: {desk.command('scan --rank alpha --columns alpha,alpha_rank,close')}")


def models(
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """The models of a store; the first one forecasts."""
    from technic.interfaces.render.model_card import card_lines
    from technic.scanner.alpha.registry import card_of, registered

    desk = options.desk(store)
    cards = [card_of(desk.store, row["sha256"]) for row in registered(desk.store)]
    if as_json:
        options.emit_json([{**card_lines(card), "used": k == 0} for k, card in enumerate(cards)])
        return
    for k, card in enumerate(cards):
        line = card_lines(card)
        mark = "*" if k == 0 else " "
        print(
            f"{mark} {line['model'][:12]}  {line['kind']:8} {line['horizon']:3} sessions  "
            f"{line['trained_from']} … {line['trained_to']}  {line['label']:16} {line['why']}"
        )
    print(
        f"{counted(len(cards), 'model')}"
        + ("; * forecasts" if cards else f": {desk.command('train')}")
    )


def model(
    number: Annotated[str, typer.Argument(metavar="MODEL", help="Its first characters.")],
    use: Annotated[bool, typer.Option("--use", help="Let it forecast from now on.")] = False,
    out: options.PageOption = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """The card of one model: what it learned, how it was judged, when it may be used."""
    from datetime import UTC, datetime

    import orjson

    from technic.interfaces.render.model_card import card_page, render_card
    from technic.scanner.alpha.registry import card_of, find_model, use_model

    options.check_page(out)
    desk = options.desk(store)
    digest = find_model(desk.store, number)
    card = card_of(desk.store, digest)
    if use:
        use_model(desk.store, digest, datetime.now(UTC))
    if out is not None:
        out.write_text(card_page(card), encoding="utf-8")
    if as_json:
        options.emit_json(orjson.loads(card.content()))
        return
    render_card(card, sys.stdout)
    if use:
        print(f"{digest[:12]} forecasts from now on.")


def trials(
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Everything that was ever tried on a store: trainings, openings of the vault, backtests."""
    from technic.research.trials import trials as found

    desk = options.desk(store)
    rows = found(desk.store)
    if as_json:
        options.emit_json(rows)
        return
    for row in rows[:50]:
        print(
            f"{row['id']:5}  {row['at']:%Y-%m-%d %H:%M}  {row['kind']:8}  {row['digest'][:12]}  "
            f"{(row['model'] or '')[:12]:12}  {row['name']}"
        )
    distinct = len({(row["kind"], row["digest"]) for row in rows})
    print(f"{len(rows):,} trials, {distinct:,} distinct; none is ever taken away")


def backtest(
    file: Annotated[
        Path, typer.Argument(metavar="SCAN", help="A scan file, a saved scan or a preset.")
    ],
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Instead of the file's.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Instead of the file's.")
    ] = None,
    out: options.PageOption = None,
    executor: options.ExecutorOption = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Trade a scan on the past, session after session, on what was known then.

    The same file and the same code as `technic scan`; orders are filled at the next open, moved
    by half a spread and their own impact. Every distinct question is counted: the more are tried,
    the more a good result is luck.

      technic backtest momentum-leaders
      technic backtest mine.toml --from 2022-01-03 --to 2023-12-29 -o note.html
    """
    from technic.interfaces.render.backtest import render_backtest, told
    from technic.interfaces.render.backtest_page import backtest_page
    from technic.operations.saved_scans import scan_file
    from technic.research.backtest.run import backtest as run
    from technic.scanner.spec.scan_file import ScanFile

    options.check_page(out)
    desk = options.desk(store)
    desk.store.require()
    is_file = file.suffix == ".toml" or file.exists()
    scan_to_trade = ScanFile.read(file) if is_file else scan_file(desk.settings, str(file))
    options.ensure_compiled(desk.settings)
    with ExitStack() as stack:
        advance = stack.enter_context(options.bar("Backtesting"))
        runner = None
        if executor is not None:
            runner = stack.enter_context(options.executor(executor, desk.settings))
        result = run(
            desk.store,
            scan_to_trade,
            first=options.day(first, "--from"),
            last=options.day(last, "--to"),
            settings=desk.settings,
            executor=runner,
            progress=advance,
        )
    if out is not None:
        out.write_text(backtest_page(result), encoding="utf-8")
    if as_json:
        options.emit_json(told(result))
        return
    render_backtest(result, sys.stdout)
    if out is not None:
        print(f"Page: {out}")


def record(
    scan: Annotated[str, typer.Argument(metavar="SCAN", help="A saved scan, by name.")],
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """What the picks of every kept daily report did since, against their universe."""
    from technic.interfaces.render.track_record import render_record
    from technic.research.track_record import record as run

    desk = options.desk(store)
    options.ensure_compiled(desk.settings)
    with options.bar("Recalling") as advance:
        track_record = run(desk.store, scan, desk.settings, advance)
    if as_json:
        options.emit_json(track_record.as_dict())
        return
    render_record(track_record, sys.stdout)
