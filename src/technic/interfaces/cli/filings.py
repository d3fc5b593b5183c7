"""Commands that bring in what companies filed, and what was written about them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from technic.errors import ConfigError, counted, printable
from technic.interfaces.cli import options

if TYPE_CHECKING:
    from technic.data.ingest.filing_facts import TakenFilings
    from technic.data.ingest.filing_sync import FilingsSynced


DatesOption = Annotated[
    str | None,
    typer.Option(
        "--dates", metavar="dmy|mdy", help="Order of day and month in 03/02/2024, if nothing says."
    ),
]


def import_filings(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|ZIP",
            help="Parquet or CSV; or company facts or a data set of the SEC, a file, zip or folder.",
        ),
    ],
    dates: DatesOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Show what would be imported, and import nothing.")
    ] = False,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Import what companies filed, one row per filing: symbol, as_of, period_end, form, period
    and numbers.

    Or the SEC's company facts (CIK##########.json, companyfacts.zip) and quarterly data sets
    (2024q1.zip): their companies are found by the cik of listings. A date alone in as_of is that
    night. Numbers that cannot be are set aside with a reason; a restatement never changes what was
    known before it.
    """
    from dataclasses import asdict

    desk = options.desk(store, writing=True)
    show = options.progress(f"Importing {file.name}")
    taken = desk.store.import_filings(file, dates=dates, keep=not check, progress=show)
    options.progress_done()
    if as_json:
        options.emit_json(asdict(taken))
        return
    _print_taken(file.name, taken)
    if check:
        print("Nothing was imported.")
        return
    print(f"Next: {desk.command('scan oversold-quality')}")


def _print_taken(name: str, taken: TakenFilings) -> None:
    """What became of a file, in lines."""
    from technic.market.quality import in_words

    came = (
        f"{taken.recognised}: {counted(taken.rows, 'number')}"
        if taken.recognised
        else counted(taken.rows, "row")
    )
    symbols = counted(taken.symbols, "symbol")
    print(
        f"{name}: {came}; {counted(taken.filings, 'new filing')} with {counted(taken.facts, 'number')} of {symbols}, "
        f"{taken.known:,} known already"
    )
    told = {why: count for why, count in taken.numbers.items() if count}
    print(
        f"  numbers {sum(told.values()):,} = {' + '.join(f'{n:,} {why}' for why, n in told.items())}"
    )
    for column, (count, example) in taken.unreadable.items():
        cells = counted(count, "cell")
        print(f"  not read: {cells} of {column}, such as {printable(example)!r}; unknown")
    for reason, count in taken.quarantined.items():
        print(f"  set aside: {counted(count, 'number')}, {in_words(reason)}")
    for line in taken.notes:
        print(f"  {printable(line)}")
    for reason, count in taken.left_out.items():
        print(f"  not used: {counted(count, 'number')} {reason}")
    if taken.unlisted:
        print(f"  left out: {counted(taken.unlisted, 'company')} without a listing here")
    for why in taken.damaged[:3]:
        print(f"  left out: {printable(why)}")
    if len(taken.damaged) > 3:
        print(f"  left out: {counted(len(taken.damaged) - 3, 'more file')} that cannot be read")
    if taken.strangers:
        listed = ", ".join(taken.strangers[:6])
        more = " …" if len(taken.strangers) > 6 else ""
        print(
            f"  left out: {counted(len(taken.strangers), 'symbol')} this store has no bars of: {listed}{more}"
        )
    if taken.unused:
        print(f"  columns not used: {printable(', '.join(taken.unused))}")


def sync_filings(
    source: Annotated[
        str, typer.Option("--from", metavar="massive|edgar", help="Whom to ask.")
    ] = "massive",
    news: Annotated[
        bool, typer.Option("--news", help="News too; the titles, not the articles.")
    ] = False,
    symbols: options.SymbolsOption = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Bring in what companies filed since the last time.

    Massive is asked in bulk by day of filing; EDGAR one company at a time, those never asked
    first, in the name of TECHNIC_EDGAR_CONTACT. Both can be stopped and go on.
    """
    from technic.data.ingest.filing_sync import sync_companies
    from technic.data.ingest.filing_sync import sync_filings as run
    from technic.data.ingest.vendors import connect_edgar, connect_vendors
    from technic.interfaces.cli.sync import ledger

    desk = options.desk(store, writing=True)
    desk.store.require()
    log = ledger(desk.store)
    if source == "edgar":
        chosen = options.symbols(symbols) or ()
        with connect_edgar(desk.settings, log) as edgar, options.bar("Asking") as advance:
            done = sync_companies(
                desk.store,
                "edgar",
                edgar,
                lambda: datetime.now(UTC),
                symbols=chosen,
                progress=advance,
            )
    elif source == "massive":
        with connect_vendors(desk.settings, log) as vendors, options.bar("Asking") as advance:
            if "massive" not in vendors.sources:
                raise ConfigError("massive: no key; set MASSIVE_API_KEY, or run technic init")
            ahead = vendors.now() - datetime.now(UTC)
            done = run(
                desk.store,
                "massive",
                vendors.sources["massive"],
                lambda: datetime.now(UTC) + ahead,
                news=news,
                progress=advance,
            )
    else:
        raise ConfigError(f"--from {source}: there are massive and edgar")
    _show(done, desk, as_json)


def _show(done: FilingsSynced, desk: options.Desk, as_json: bool) -> None:
    taken = list(done.taken.values())
    counts = {
        "new filings": sum(t.filings for t in taken),
        "new numbers": sum(t.facts for t in taken),
        "known already": sum(t.known for t in taken),
        "set aside": sum(sum(t.quarantined.values()) for t in taken),
        "news": done.articles,
        "companies asked": done.companies,
        "new sectors": done.classified,
    }
    if as_json:
        options.emit_json({name.replace(" ", "_"): count for name, count in counts.items()})
        return
    if not any(counts.values()):
        print("Nothing was new.")
    for name, count in counts.items():
        if count:
            print(f"  {count:>11,}  {name}")
    print(f"Next: {desk.command('scan --rank rating')}")
