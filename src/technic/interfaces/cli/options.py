"""Options that many commands share, and what they lead to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from technic.errors import ConfigError, printable
from technic.interfaces.cli import desk as desks

if TYPE_CHECKING:
    from collections.abc import Callable

    from technic.data.store import StoreVersion
    from technic.runtime.executors import Executor
    from technic.runtime.settings import Settings

Desk = desks.Desk
symbols = desks.symbols

StoreOption = Annotated[
    str | None, typer.Option("--store", metavar="DIR|URL", help="Folder of the store, or s3://….")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Everything, as JSON.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Session to stand in.")
]
KnownAtOption = Annotated[
    str | None,
    typer.Option("--known-at", metavar="INSTANT", help="Only what was known before it."),
]
ExecutorOption = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="WHERE",
        help="inline:, threads:N, processes:N, ray://local or ray://host:port.",
    ),
]
PageOption = Annotated[
    Path | None, typer.Option("-o", "--out", metavar="FILE.html", help="A page with plots.")
]
SymbolsOption = Annotated[
    str | None,
    typer.Option("--symbols", metavar="A,B|@FILE", help="Only these symbols."),
]


def scan_for(version: StoreVersion) -> str:
    """The words of a scan that the sessions of a store are enough for."""
    from technic.interfaces.render.terminal import quoted
    from technic.market.sessions import nyse
    from technic.scanner.report import ranking_within
    from technic.scanner.spec.question import resolve_question
    from technic.scanner.spec.scan_file import ScanFile

    if version.first is None or version.last is None:
        return "coverage"
    held = nyse().ordinal(version.last) - nyse().ordinal(version.first) + 1
    if held >= resolve_question(ScanFile()).bars_needed:
        return "scan"
    return f"scan --rank {quoted(ranking_within(held))}"


def check_page(out: Path | None) -> None:
    """Refuse a page that is to be written to anything but HTML."""
    if out is not None and out.suffix != ".html":
        raise ConfigError(f"--out {out}: a page of plots is HTML: {out.stem}.html")


LOGGING = {"verbose": False, "as_json": False}
TICK = 1.0  # seconds between signs of life of a compilation


def logging_as(*, verbose: bool, as_json: bool) -> None:
    """How to log, once a command touches the store."""
    LOGGING.update(verbose=verbose, as_json=as_json)


def desk(flag: str | None, *, writing: bool = False) -> Desk:
    """The store to work on."""
    from technic.runtime.logs import set_up
    from technic.runtime.secrets import all_values

    desk = Desk.of(flag, writing=writing)
    set_up(desk.settings.state / "logs", all_values(desk.settings), **LOGGING)
    store = desk.store
    if writing and (note := store.clock_note()):
        print(f"Note: {note}", file=sys.stderr)
    return desk


def day(text: str | None, option: str = "--as-of") -> date | None:
    """A date written YYYY-MM-DD."""
    if text is None:
        return None
    from technic.market.instants import day_of

    try:
        return day_of(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error


def instant(text: str | None, option: str = "--known-at") -> datetime | None:
    """An instant; one without a zone is in New York."""
    if text is None:
        return None
    from technic.market.instants import instant_of
    from technic.market.sessions import NEW_YORK

    try:
        return instant_of(text, NEW_YORK)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error


def emit_json(value: Any) -> None:
    """A value on standard output, as JSON; not-a-number is null."""
    import orjson

    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY, default=str)
    # Inside a JSON text an escape means the same, and a terminal shows it as it is.
    sys.stdout.buffer.write(printable(text.decode(), keep="\n").encode() + b"\n")


def age_line(version: StoreVersion) -> str:
    """How many finished sessions a real store is behind; empty if none."""
    from technic.market.sessions import nyse

    if version.simulated is not None or version.last is None:
        return ""
    behind = nyse().last_finished(datetime.now(UTC)) - nyse().ordinal(version.last)
    return desks.age_text(version.last, behind)


def progress(title: str) -> Callable[[str], None]:
    """A line on standard error that says what is being done."""
    quiet = not sys.stderr.isatty() or os.environ.get("NO_COLOR") == "quiet"

    def show(stage: str) -> None:
        if not quiet:
            print(f"\r\033[K{title}: {stage} …", end="", file=sys.stderr, flush=True)

    return show


@contextmanager
def executor(flag: str | None, settings: Settings) -> Iterator[Executor]:
    """Where long work runs: as said, else as the settings have it; ended afterwards."""
    from technic.runtime.executors import DEFAULT, open_executor

    opened = open_executor(flag or settings.value("executor", DEFAULT))
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on standard error: how far, what is being done, how long still; none in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _done, _total, _what: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from technic.interfaces.render.text import console

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[what]}"),
    )
    with Progress(*columns, console=console(sys.stderr), transient=True) as shown:
        task = shown.add_task(title, total=None, what="", rate="")
        since = monotonic()

        def advance(done: int, total: int, what: str) -> None:
            rate = f"{done / max(monotonic() - since, 1e-3):.3g}/s" if done else ""
            shown.update(task, completed=done, total=total, what=what, rate=rate)

        yield advance


def progress_done() -> None:
    """Take the progress line away."""
    if sys.stderr.isatty():
        from technic.interfaces.render.terminal import beneath

        print("\r\033[K", end="", file=beneath(sys.stderr), flush=True)


def ensure_compiled(settings: Settings) -> None:
    """Compile the indicators if this machine has not yet, and say so."""
    compiling(settings)()


def compiling(settings: Settings) -> Callable[[], None]:
    """Begin to compile the indicators if this machine has not yet.

    Returns
    -------
    Callable
        Waits until they are compiled, and says so; it raises what went wrong.
    """
    from concurrent.futures import Future
    from concurrent.futures import wait as wait_for
    from threading import Thread
    from time import perf_counter

    from technic.compute import kernel
    from technic.indicators.kernel.loader import compiled

    if compiled(settings.kernels):
        return lambda: None
    since, done = perf_counter(), Future[None]()

    def work() -> None:
        try:
            kernel.ensure_compiled(settings.kernels)
            done.set_result(None)
        except Exception as error:  # noqa: BLE001 -- raised where it is waited for
            done.set_exception(error)

    def wait() -> None:
        # Whole lines: whoever waits beside writes some of its own between them.
        print("Compiling the indicators, once for this machine …", file=sys.stderr, flush=True)
        show = progress("Compiling, most of a minute")
        while not wait_for([done], TICK).done:
            show(f"{perf_counter() - since:.0f} s")
        progress_done()
        done.result()
        took = perf_counter() - since
        print(f"Compiled; that took {took:.1f} s in all", file=sys.stderr)

    Thread(target=work, daemon=True).start()  # whoever stops meanwhile does not wait for it
    return wait
