"""Commands that ask: scan, explain, why-not."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from technic.errors import ConfigError
from technic.interfaces.cli import options
from technic.interfaces.cli.groups import MomentOptions, StoreOptions, grouped
from technic.interfaces.cli.known import FORMATS, same_question
from technic.interfaces.cli.shown import AnswerForm, Around, shown_report, write
from technic.interfaces.render.terminal import Sheet, beneath

if TYPE_CHECKING:
    from technic.scanner.known import Typed
    from technic.scanner.report import Report
    from technic.scanner.spec.scan_file import ScanFile

NO_TEXTS = dict.fromkeys(("where", "universe", "rank"))  # those are given to tc.scan by themselves
FileArgument = Annotated[
    Path | None, typer.Argument(metavar="[FILE|PRESET]", help="A scan file, or a preset's name.")
]
WhereOption = Annotated[
    str | None, typer.Option("-e", "--where", metavar="QUESTION", help="Which symbols pass.")
]
UniverseOption = Annotated[
    str | None,
    typer.Option(
        "--universe", metavar="NAME|QUESTION", help="Who is asked: all, common, liquid, large, …"
    ),
]
RankOption = Annotated[
    str | None, typer.Option("--rank", metavar="EXPRESSION", help="What they are ordered by.")
]


@dataclass(frozen=True)
class QuestionOptions:
    """What is asked: a scan file or a preset, and what replaces parts of it."""

    file: FileArgument = None
    where: WhereOption = None
    universe: UniverseOption = None
    rank: RankOption = None

    def scan_file(self, **more: Any) -> ScanFile:
        """The scan file that is meant; `more` replaces further fields of it."""
        from technic.scanner.spec.scan_file import UNIVERSES, ScanFile

        written = ScanFile() if self.file is None else ScanFile.read(self.file)
        universe = UNIVERSES.get(self.universe, self.universe) if self.universe else self.universe
        given = {"where": self.where, "universe": universe, "rank": self.rank, **more}
        return replace(written, **{k: v for k, v in given.items() if v is not None})


@dataclass(frozen=True)
class RowOptions:
    """Which rows and columns are shown, in which form, and where."""

    top: Annotated[
        int | None, typer.Option("--top", min=1, max=1_000_000, help="Rows to show.")
    ] = None
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B", help="What to show of each row.")
    ] = None
    form: Annotated[
        str, typer.Option("--format", metavar="|".join(FORMATS), help="Form of the answer.")
    ] = "table"
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write it.")
    ] = None

    @property
    def shape(self) -> AnswerForm:
        """In which form an answer is shown, and where."""
        return AnswerForm(self.form, self.out)

    @property
    def column_texts(self) -> tuple[str, ...] | None:
        """The columns that were named; None if none were."""
        return split_columns(self.columns)


@dataclass(frozen=True)
class SpanOptions:
    """A span of sessions to ask on, one after the other, and where that work runs."""

    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Ask on every session from here …")
    ] = None
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="… to here.")] = None
    executor: options.ExecutorOption = None

    def __bool__(self) -> bool:
        """Whether a span was named."""
        return self.first is not None or self.last is not None


@dataclass(frozen=True)
class SaveOptions:
    """What is kept of a scan: its manifest, its question, and whom its changes are told."""

    keep: Annotated[bool, typer.Option("--keep", help="Keep the manifest: technic runs.")] = False
    save: Annotated[
        str | None, typer.Option("--save", metavar="NAME", help="Keep the question: technic saved.")
    ] = None
    alert: Annotated[
        str | None,
        typer.Option("--alert", metavar="A,B", help="With --save: channels that are told."),
    ] = None


@dataclass(frozen=True)
class Asked:
    """One question as of one session, as it was typed."""

    question: QuestionOptions
    rows: RowOptions
    moment: MomentOptions
    symbols: str | None

    @property
    def said(self) -> dict[str, Any]:
        """What says which question it is, by name; None where nothing was said."""
        question, moment = self.question, self.moment
        return {
            "file": question.file,
            "where": question.where,
            "universe": question.universe,
            "rank": question.rank,
            "symbols": self.symbols,
            "as_of": moment.as_of,
            "known_at": moment.known_at,
        }

    @property
    def typed(self) -> Typed:
        """All of it that decides an answer."""
        from technic.scanner.known import Typed

        file, symbols = self.question.file, options.symbols(self.symbols)
        said = {**self.said, "file": None if file is None else str(file), "symbols": symbols}
        return Typed(**said, top=self.rows.top, columns=self.rows.columns)


@grouped
def scan(
    question: QuestionOptions,
    rows: RowOptions,
    moment: MomentOptions,
    *,
    symbols: options.SymbolsOption = None,
    span: SpanOptions,
    saving: SaveOptions,
    target: StoreOptions,
) -> None:
    """Rank the market by a question.

    Reads only what is stored; never touches the network.

      technic scan momentum-leaders --top 10
      technic scan -e "rsi(14) < 30 and close > sma(200)" --universe liquid
      technic scan -e "pct_rank(ret(126), by=sector) > 90" --format csv --out leaders.csv
      technic scan momentum-leaders --from 2023-01-01 --to 2023-12-31 --format parquet --out year.parquet
      technic scan -e "rsi(14) < 30" --universe liquid --save dips --alert desk
    """
    form = "json" if target.as_json else rows.form
    if form not in FORMATS:
        raise ConfigError(f"--format {form}: there are {', '.join(FORMATS)}")
    rows = replace(rows, form=form)
    asked = Asked(question, rows, moment, symbols)
    desk = target.desk(ready=True)
    if span:
        if moment.as_of is not None or moment.known_at is not None or saving.keep:
            raise ConfigError("--from and --to stand alone: without --as-of, --known-at and --keep")
        file = question.scan_file(top=rows.top, columns=rows.column_texts)
        _scan_sessions(desk, file, options.symbols(symbols), span, rows)
        return
    if saving.save is not None or saving.alert is not None:
        file = question.scan_file(top=rows.top, columns=rows.column_texts)
        _save_question(desk, file, saving.save, saving.alert)
    report = _scan_once(desk, asked)
    if saving.keep:
        desk.store.catalog.record_run(
            "scan", report.asked["name"], report.as_of, report.manifest, datetime.now(UTC)
        )
    around = Around(options.age_line(desk.store.version()), same_question(asked.said))
    sheet = Sheet.of(beneath(sys.stdout))
    write(shown_report(report, desk, rows.shape, around, sheet), rows.shape)


def _scan_once(desk: options.Desk, asked: Asked) -> Report:
    """The report of one session, and how the market stood on it; found at once the next time."""
    from technic.scanner.columns.attributes import market_regime
    from technic.scanner.known import post, signpost_key
    from technic.scanner.scan import scan as run

    question, rows, moment = asked.question, asked.rows, asked.moment
    symbols, key = options.symbols(asked.symbols), signpost_key(asked.typed, desk.place)
    report = run(
        desk.store,
        question.where,
        question.universe,
        question.rank,
        rows.top,
        rows.column_texts,
        moment.session,
        known_at=moment.instant,
        symbols=symbols,
        file=None if question.file is None else replace(question, **NO_TEXTS).scan_file(),
        settings=desk.settings,
    )
    session = report.as_of if moment.as_of else None
    regime = market_regime(desk.store, session, known_at=moment.instant, settings=desk.settings)
    report = replace(report, regime=regime.as_dict())
    if key == signpost_key(asked.typed, desk.place):  # neither store nor scan file has changed
        post(key, report, desk.store.version(), desk.settings.cache)
    return report


def _save_question(desk: options.Desk, file: ScanFile, name: str | None, alert: str | None) -> None:
    """Keep a question among the saved scans."""
    from technic.operations.saved_scans import content_of, save_scan
    from technic.scanner.spec.alert_rules import AlertRules
    from technic.scanner.spec.scan_file import ScanFile

    if name is None:
        raise ConfigError("--alert needs --save NAME: what is told is a scan that is kept")
    if alert is not None:
        to = tuple(part.strip() for part in alert.split(",") if part.strip())
        file = replace(file, alert=replace(file.alert or AlertRules(), to=to))
    if file.name == ScanFile().name:  # nobody gave it a title
        file = replace(file, name=name)
    path = save_scan(desk.settings, name, content_of(file))
    print(f"saved as {name}: {path}", file=sys.stderr)


def _scan_sessions(
    desk: options.Desk,
    file: ScanFile,
    symbols: tuple[str, ...] | None,
    span: SpanOptions,
    rows: RowOptions,
) -> None:
    """Ask the question on every session of a span."""
    from technic.interfaces.render.sessions import render_sessions, write_sessions
    from technic.scanner.scan_sessions import scan_sessions

    first, last = options.day(span.first, "--from"), options.day(span.last, "--to")
    begin = first or desk.store.require().first
    assert begin is not None
    since = monotonic()
    with (
        options.executor(span.executor, desk.settings) as runner,
        options.bar("Scanning") as advance,
    ):
        reports = scan_sessions(
            desk.store,
            begin,
            last,
            file=file,
            symbols=symbols,
            settings=desk.settings,
            executor=runner,
            progress=advance,
        )
    if rows.form != "table" or rows.out is not None:
        write_sessions(reports, rows.form, rows.out)
    else:
        render_sessions(reports, monotonic() - since, sys.stdout)
    if reports.lost:
        sys.exit(1)


@grouped
def explain(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="A ticker.")],
    question: QuestionOptions,
    moment: MomentOptions,
    *,
    symbols: options.SymbolsOption = None,
    target: StoreOptions,
) -> None:
    """Take a symbol's score apart, and say what moved since the session before."""
    from technic.interfaces.render.explanation import render_explanation
    from technic.scanner.inspect.explain import explain as run

    desk = target.desk(ready=True)
    explanation = run(
        desk.store,
        symbol,
        question.scan_file(symbols=options.symbols(symbols)),
        moment.session,
        known_at=moment.instant,
        settings=desk.settings,
    )
    if target.as_json:
        options.emit_json(explanation.as_dict())
    else:
        render_explanation(
            explanation, desk.command, sys.stdout, moment=MomentOptions(moment.as_of).words
        )


@grouped
def why_not(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="A ticker.")],
    question: QuestionOptions,
    moment: MomentOptions,
    *,
    symbols: options.SymbolsOption = None,
    target: StoreOptions,
) -> None:
    """Say why a symbol is not ranked: each clause, its value, and how far it misses."""
    from technic.interfaces.render.explanation import render_why_not
    from technic.scanner.inspect.why_not import why_not as run

    desk = target.desk(ready=True)
    answer = run(
        desk.store,
        symbol,
        question.scan_file(symbols=options.symbols(symbols)),
        moment.session,
        known_at=moment.instant,
        settings=desk.settings,
    )
    if target.as_json:
        options.emit_json(answer.as_dict())
    else:
        render_why_not(answer, sys.stdout)


def split_columns(text: str | None) -> tuple[str, ...] | None:
    """Column texts between the commas that stand in no bracket.

    Examples
    --------
    >>> split_columns("close, macd(12, 26, 9), rsi(14)")
    ('close', 'macd(12, 26, 9)', 'rsi(14)')
    """
    if text is None:
        return None
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return tuple(part.strip() for part in [*parts, text[start:]] if part.strip())
