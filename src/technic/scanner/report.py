"""The answer of a scan: rows, ledger and manifest, as a frozen value that interfaces show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any

from technic.errors import not_installed
from technic.scanner.ledger import Ledger
from technic.scanner.manifest import with_digest
from technic.scanner.plan import Plan

if TYPE_CHECKING:
    import polars as pl

    from technic.scanner.spec.question import Question
    from technic.scanner.svg import Drawing


USUAL_SPANS = (252, 126, 63, 21, 10, 5, 1)  # sessions: a year, half of it, …


def ranking_within(bars: int) -> str:
    """The return over the longest usual span that so many bars of a symbol tell.

    Examples
    --------
    >>> ranking_within(300), ranking_within(22), ranking_within(1)
    ('ret(252)', 'ret(21)', 'close')
    """
    span = next((span for span in USUAL_SPANS if span < bars), 0)
    return f"ret({span})" if span else "close"


@dataclass(frozen=True, slots=True)
class Row:
    """One ranked symbol.

    Attributes
    ----------
    rank : 1 is best
    symbol, name, sector : of the listing; None is unknown
    score : what it is ranked by
    percentile : of the score among the ranked, 0 to 100
    contributions : by term; added from first to last, they are exactly `score`
    values : by column; None is unknown
    plan : what to do about it: entry, stop, target and size
    closes : the last closes, oldest first, for a small picture
    settled : whether the seeds of its averages weigh less than a thousandth
    """

    rank: int
    symbol: str
    name: str | None
    sector: str | None
    score: float
    percentile: float
    contributions: dict[str, float]
    values: dict[str, Any]
    plan: Plan
    closes: list[float]
    settled: bool


@dataclass(frozen=True)
class Report:
    """The answer to one question as of one session.

    Attributes
    ----------
    as_of : the session it stands in
    asked : the question in canonical form
    shown : the best rows, as many as were asked for
    n_ranked : how many symbols were ranked in all
    ledger_book : where every listed symbol went, and why
    symbols : every symbol of the store, by position
    manifest : digests of code, data, question and answer
    simulated : how the market was simulated; None for a real one
    ranked : positions in `symbols` of everybody ranked, best first
    security_ids : by the same positions; a security keeps its number when its ticker changes
    timings : milliseconds by stage; not part of the answer
    notes : what a reader should know, one line each
    regime : how the market stood, if that was asked for; not part of the answer
    work : columns found or computed, symbols carried on or folded anew, what each cache did;
        not part of the answer
    coverage : what the store holds, if that was asked for; not part of the answer
    history : the bars of the symbol that has most of those that traded
    kept_as : the key under which a cache keeps it; empty if none does, and not part of the answer
    """

    as_of: date
    asked: dict[str, Any]
    shown: tuple[Row, ...]
    n_ranked: int
    ledger_book: Ledger
    symbols: tuple[str, ...]
    manifest: dict[str, Any]
    simulated: dict[str, Any] | None
    timings: dict[str, float]
    ranked: tuple[int, ...] = ()
    security_ids: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    work: dict[str, float] = field(default_factory=dict)
    coverage: dict[str, Any] = field(default_factory=dict)
    regime: dict[str, Any] | None = None
    history: int = 0
    kept_as: str = ""

    @property
    def known_rank(self) -> str:
        """A ranking of whoever traded that the histories here are long enough for."""
        return ranking_within(self.history)

    @cached_property
    def question(self) -> Question:
        """The question, parsed again from its canonical form."""
        from technic.scanner.spec.question import question_of_dict  # brings the grammar

        return question_of_dict(self.asked)

    def places(self) -> dict[int, int]:
        """Return the rank of everybody ranked, by security."""
        return {self.security_ids[i]: place for place, i in enumerate(self.ranked, start=1)}

    @property
    def rows(self) -> pl.DataFrame:
        """The shown rows as a Polars frame; unknown is null. No rows have all columns, too."""
        import polars as pl  # a text answer needs no frame

        records = [self.record(row) for row in self.shown]
        return pl.DataFrame(records, schema=self._schema(), nan_to_null=True)

    def _schema(self) -> dict[str, Any]:
        """Columns of `rows` and their types, which no row changes."""
        import polars as pl

        from technic.query.names import TEXT  # all this brings the grammar
        from technic.query.resolve import Resolver
        from technic.scanner.rank import term_names

        number, text, whole = pl.Float64(), pl.String(), pl.Int64()
        about = {"rank": whole, "symbol": text, "name": text, "sector": text}
        score = {"score": number, "percentile": number, "settled": pl.Boolean()}
        parts = dict.fromkeys(term_names(self.question.terms), number)
        kinds = {tree: Resolver().any(tree)[1].what for tree in self.asked["columns"]}
        values = {tree: text if what == TEXT else number for tree, what in kinds.items()}
        plan = {"side": text, "entry": number, "stop": number, "target": number}
        plan |= {"size": whole, "risk": number, "capped_by": text}
        columns = {**about, **score, "contributions": pl.Struct(parts), **values}
        return {**columns, "plan": pl.Struct(plan)}

    @property
    def ledger(self) -> pl.DataFrame:
        """Every listed symbol, its bucket and the reason, as a Polars frame."""
        return self.ledger_book.frame(self.symbols)

    def record(self, row: Row) -> dict[str, Any]:
        """Return a row in the form of the JSON answer."""
        plan = row.plan
        return {
            "rank": row.rank,
            "symbol": row.symbol,
            "name": row.name,
            "sector": row.sector,
            "score": row.score,
            "percentile": row.percentile,
            "settled": row.settled,
            "contributions": row.contributions,
            **row.values,
            "plan": {
                "side": plan.side,
                "entry": plan.entry,
                "stop": plan.stop,
                "target": plan.target,
                "size": plan.size,
                "risk": plan.risk,
                "capped_by": plan.capped_by,
            },
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the whole answer as JSON holds it, with a digest of all of it."""
        book = self.ledger_book
        content = {
            "as_of": self.as_of.isoformat(),
            "simulated": self.simulated is not None,
            "store_version": self.manifest["store_version"],
            "question": self.asked,
            "rows": [self.record(row) for row in self.shown],
            "ledger": {
                "total": book.total,
                "buckets": book.counts(),
                "details": {name: book.details(name) for name, n in book.counts().items() if n},
            },
            "notes": list(self.notes),
            "regime": self.regime,
            "timings_ms": self.timings,
            "work": self.work,
            "manifest": self.manifest,
        }
        return with_digest(content)

    def to_pandas(self) -> Any:
        """Return the shown rows as a pandas frame.

        Raises
        ------
        ConfigError
            If pandas is not installed.
        """
        try:
            return self.rows.to_pandas()
        except ModuleNotFoundError as error:
            raise not_installed(error, "pandas") from error

    def plot(self, rows: int = 20) -> Drawing:
        """Draw the first rows: what each score is made of, and the last closes.

        Parameters
        ----------
        rows : how many, at most

        Returns
        -------
        Drawing
            Shows itself in a notebook; `save("scan.html")` writes a page that needs nothing else.
        """
        from technic.scanner.svg import contributions_drawing  # seldom asked for

        shown = [
            (row.rank, row.symbol, row.name or "", row.score, row.contributions, row.closes)
            for row in self.shown[:rows]
        ]
        return contributions_drawing(self._heading, shown)

    @property
    def _heading(self) -> str:
        mark = "SIMULATED MARKET · " if self.simulated else ""
        return f"{mark}{self.asked['name']} · {self.as_of} · {self.n_ranked:,} ranked"

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the shown rows for any reader of Arrow."""
        return self.rows.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        """Say in one line when it was, how many are shown, and under which seal."""
        mark = "SIMULATED, " if self.simulated else ""
        return (
            f"Report({mark}{self.as_of}, {len(self.shown)} of {self.n_ranked} ranked, "
            f"{self.ledger_book.total} listed, sealed {self.manifest['seal'][:12]})"
        )

    def _repr_html_(self) -> str:
        from technic.scanner.svg import table_html  # seldom asked for

        columns = self.asked["columns"]
        rows = [
            (
                row.rank,
                row.symbol,
                row.name,
                row.score,
                row.percentile,
                row.closes,
                [row.values[name] for name in columns],
            )
            for row in self.shown
        ]
        return table_html(self._heading, columns, rows, self.manifest["seal"][:16])


def plain(value: Any) -> Any:
    """Return a value of an array as JSON holds it: unknown is None."""
    if value is None or isinstance(value, str):
        return value
    number = float(value)
    return number if isfinite(number) else None
