"""Which security a symbol of a file stood for, and when: lives, and what a file adds to them.

1. `read_lives`: what a store knows of everybody who bore some symbols.
2. `place`: whose a stretch of bars, or a line of listings, is. One that touches a life widens it.
   One that lies further away is another security's if something says so: a listing that ended or
   began in between, or a gap of more than a year after which prices are others.
3. `joining.join_up`: two of which nothing says any more that they are two become one.
4. `Placed.tickers`: what of all that is new, as rows of the tickers table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from technic.data.store import Store, StoreVersion
from technic.data.store.rows import newest_per
from technic.data.store.tickers import eras, highest_number
from technic.errors import counted
from technic.market.schema import TICKERS

GAP = timedelta(days=366)  # without a bar: perhaps another security, if prices say so too
PAUSE = timedelta(days=10)  # after a listing ended, or before one began: it goes on or was early
BREAK = 2.0  # times the price before the gap, or less than its half
TICK = timedelta(microseconds=1)
EVER = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Life:
    """One security under one symbol, as far as it is known.

    Attributes
    ----------
    security_id, symbol, era : of the tickers table
    since, until : of its ticker; `until` is None while it bears it
    known_at : of the newest row that says so
    first, last : its bars; None without one
    opened, closed : prices of the first and of the last bar, USD
    began, ended : what listings say of its first and last day; None where they say nothing
    name, figi, cik : what listings call it
    names : how many symbols it has borne
    """

    security_id: int
    symbol: str
    era: int
    since: date
    until: date | None
    known_at: datetime | None = None
    first: date | None = None
    last: date | None = None
    opened: float | None = None
    closed: float | None = None
    began: date | None = None
    ended: date | None = None
    name: str | None = None
    figi: str | None = None
    cik: str | None = None
    names: int = 1

    @property
    def start(self) -> date | None:
        """Its first day, by bars and by listings; None where neither says one."""
        return min((day for day in (self.first, self.began) if day), default=None)

    @property
    def end(self) -> date | None:
        """Its last day so far; None where nobody says one."""
        ends = [day for day in (self.last, self.ended or self.until) if day]
        return max(ends, default=None)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bars of one symbol without a long gap, or the span of a line of listings.

    Attributes
    ----------
    low, high : first and last day; None where a line does not say it
    opened, closed : prices at both ends, USD; None of a line
    """

    symbol: str
    low: date | None
    high: date | None
    opened: float | None = None
    closed: float | None = None


@dataclass
class Placed:
    """Whose stretches are, and what was learnt of lives on the way.

    Attributes
    ----------
    lives : by symbol
    top : the highest number of a security
    notes : what a user should know: who was kept apart, and who was taken for one
    """

    lives: dict[str, list[Life]]
    top: int
    notes: list[str] = field(default_factory=list)
    _changed: dict[tuple[int, int], Life] = field(default_factory=dict)

    def tickers(self, source: str = "file") -> pl.DataFrame:
        """Rows of the tickers table that say what is new; none where nothing is."""
        rows = [
            (v.security_id, v.symbol, v.since, v.until, v.era, v.known_at, source)
            for v in self._changed.values()
        ]
        return pl.DataFrame(rows, schema=TICKERS, orient="row").sort("security_id", "era")

    def place(self, stretch: Stretch) -> int:
        """The security whose bars a stretch is; lives are widened, ended and begun as it says.

        Stretches of one symbol are placed from the oldest to the newest.
        """
        lives = self.lives.get(stretch.symbol, [])
        for life in _beside(lives, stretch):
            if not another(life, stretch):
                return self._widen(life, stretch).security_id
        security = self._begin(stretch)
        if lives:
            self._keep_apart(stretch, lives, security)
        return security.security_id

    def describe(self, line: Stretch, fallback: date) -> Life:
        """The security of which a line of listings speaks; one that was never met is begun.

        Parameters
        ----------
        fallback : from when it is listed, where the line does not say it
        """
        lives = self.lives.get(line.symbol, [])
        for life in sorted(lives, key=lambda life: _distance(life, line)):
            if not _listed_apart(life, line):
                unknown = line.low is not None and life.first is None and life.began is None
                since = min(life.since, line.low or life.since) if unknown else life.since
                told = replace(life, since=since, began=line.low, ended=line.high)
                return self._put(told, stored=since < life.since)
        security = self._begin(line, fallback)
        if lives:
            self._keep_apart(line, lives, security)
        return security

    def _widen(self, life: Life, stretch: Stretch) -> Life:
        """A life that holds a stretch too."""
        assert stretch.low is not None
        assert stretch.high is not None
        gap = _gap(life, stretch)
        if gap is not None and gap > GAP:
            later = life.last is not None and life.last < stretch.low
            hole = f"after {life.last}" if later else f"before {life.first}"
            self.notes.append(
                f"{stretch.symbol}: no bar for {counted(gap.days, 'day')} {hole}, and prices go on: taken "
                "for one security"
            )
        earlier = life.first is None or stretch.low < life.first
        later = life.last is None or stretch.high > life.last
        until = life.until
        if until is not None and until < stretch.high:  # it still traded
            others = (other.since for other in self.lives[life.symbol])
            until = stretch.high if any(since > life.since for since in others) else None
            if life.ended is not None and stretch.high > life.ended + PAUSE:
                self.notes.append(
                    f"{life.symbol}: its listing ended on {life.ended}, and it trades until "
                    f"{stretch.high}: the end is not believed"
                )
        grown = replace(
            life,
            since=min(life.since, stretch.low),
            until=until,
            first=stretch.low if earlier else life.first,
            last=stretch.high if later else life.last,
            opened=stretch.opened if earlier else life.opened,
            closed=stretch.closed if later else life.closed,
        )
        return self._put(grown, stored=(grown.since, grown.until) != (life.since, life.until))

    def _begin(self, stretch: Stretch, fallback: date = date.min) -> Life:
        """A security that was never met."""
        self.top += 1
        since = stretch.low or stretch.high or fallback
        of_bars = stretch.opened is not None
        life = Life(
            security_id=self.top,
            symbol=stretch.symbol,
            era=0,
            since=since,
            until=None if of_bars else stretch.high,
            known_at=_midnight(since),
            first=stretch.low if of_bars else None,
            last=stretch.high if of_bars else None,
            opened=stretch.opened,
            closed=stretch.closed,
            began=None if of_bars else stretch.low,
            ended=None if of_bars else stretch.high,
        )
        return self._put(life)

    def _keep_apart(self, stretch: Stretch, lives: list[Life], security: Life) -> None:
        """A symbol is borne by one security at a time: who came before ends, and that is told."""
        for life in lives:
            start, until = life.start or life.since, life.until
            if start < security.since and (until is None or until >= security.since):
                end = min(life.end or security.since, security.since - timedelta(days=1))
                known_at = max(life.known_at or EVER, _midnight(security.since))
                self._put(replace(life, until=max(end, life.since), known_at=known_at))
            elif start > security.since and security.until is None:
                end = stretch.high or start - timedelta(days=1)
                security = self._put(replace(security, until=min(end, start - timedelta(days=1))))
        nearest = min(lives, key=lambda life: _distance(life, stretch))
        spans = sorted([_span(security), _span(self._now(nearest))])
        self.notes.append(
            f"{stretch.symbol}: two securities had this symbol, {spans[0][1]} and {spans[1][1]}"
        )

    def put_together(self, older: Life, newer: Life) -> Life:
        """Two that bore one symbol as one, under the number of the newer, who bears it now.

        Of the older nothing is left; whatever was noted of the two being two is no longer so.
        """
        key = older.security_id, older.era
        self.lives[older.symbol] = [
            life for life in self.lives[older.symbol] if (life.security_id, life.era) != key
        ]
        self._changed.pop(key, None)
        self.notes = [note for note in self.notes if not note.startswith(f"{older.symbol}: two ")]
        latest = max(older, newer, key=lambda life: life.last or life.since)
        whole = replace(
            newer,
            since=min(older.since, newer.since),
            first=older.first,
            opened=older.opened,
            last=latest.last,
            closed=latest.closed,
            name=newer.name or older.name,
            figi=newer.figi or older.figi,
            cik=newer.cik or older.cik,
        )
        return self._put(whole)

    def _now(self, life: Life) -> Life:
        key = life.security_id, life.era
        return next(v for v in self.lives[life.symbol] if (v.security_id, v.era) == key)

    def _put(self, life: Life, *, stored: bool = True) -> Life:
        """A life as it is known now, in place of what was known of it.

        Parameters
        ----------
        stored : whether the tickers table has to say so
        """
        key = life.security_id, life.era
        rows = self.lives.get(life.symbol, [])
        before = next((v for v in rows if (v.security_id, v.era) == key), None)
        if stored and before is not None and key not in self._changed and before.known_at:
            known_at = max(before.known_at + TICK, life.known_at or before.known_at)
            life = replace(life, known_at=known_at)  # the newest row counts
        self.lives[life.symbol] = [v for v in rows if (v.security_id, v.era) != key] + [life]
        if stored or key in self._changed:
            self._changed[key] = life
        return life


def read_lives(
    store: Store, symbols: Iterable[str], version: StoreVersion, *, bars: bool = True
) -> Placed:
    """What a store knows of everybody who bore some symbols.

    Parameters
    ----------
    bars : whether their bars are looked at too
    """
    named = eras(store.table("tickers", version).collect())
    top = highest_number(named, version.gone)
    ours = named.filter(pl.col("symbol").is_in(list(symbols)))
    ids = ours["security_id"].unique().implode()
    listings = newest_per(store.table("listings", version), "security_id")
    told = listings.filter(pl.col("security_id").is_in(ids)).collect()
    about = told.select("security_id", "name", "figi", "cik", began="since", ended="until")
    names = named.group_by("security_id").agg(names=pl.len())
    rows = ours.join(about, on="security_id", how="left").join(names, on="security_id")
    if bars:
        ends = _ends_of(store, version, ids)
        # Of one that bore several symbols, the bars under this one.
        several = pl.col("names") > 1
        rows = rows.join(ends, on="security_id", how="left").with_columns(
            first=pl.when(several).then(pl.max_horizontal("first", "since")).otherwise("first"),
            last=pl.when(several).then(pl.min_horizontal("last", "until")).otherwise("last"),
        )
    lives: dict[str, list[Life]] = {}
    for row in rows.iter_rows(named=True):
        lives.setdefault(row["symbol"], []).append(Life(**row))
    return Placed(lives, top)


def _ends_of(store: Store, version: StoreVersion, ids: pl.Series) -> pl.DataFrame:
    """The first and the last bar of some securities, with their prices."""
    return (
        store.table("bars", version)
        .filter(pl.col("security_id").is_in(ids))
        .select("security_id", "session", "open", "close")
        .group_by("security_id")
        .agg(
            first=pl.col("session").min(),
            last=pl.col("session").max(),
            opened=pl.col("open").get(pl.col("session").arg_min()),
            closed=pl.col("close").get(pl.col("session").arg_max()),
        )
        .collect()
    )


def another(life: Life, stretch: Stretch) -> str:
    """Why bars are not those of a life; empty if they are."""
    gap = _gap(life, stretch)
    if gap is None:
        return ""
    assert stretch.low is not None
    assert stretch.high is not None
    later = life.end is not None and stretch.low > life.end
    if later and life.ended is not None and gap > PAUSE:
        return "its listing ended"
    if not later and life.began is not None and gap > GAP:
        return "its listing began later"
    if gap <= GAP:
        return ""
    before, after = (life.closed, stretch.opened) if later else (stretch.closed, life.opened)
    if not before or not after:
        return "" if life.first is None else "a gap of years"
    return "prices are others" if not 1.0 / BREAK < after / before < BREAK else ""


def _listed_apart(life: Life, line: Stretch) -> bool:
    """Whether a line of listings speaks of somebody else than a life."""
    start, end = life.start, life.end
    if line.high is not None and start is not None and line.high < start - PAUSE:
        return True  # it ended before this life began
    if line.low is None or end is None:
        return False
    # A line goes on from its first day: a life that was over by then is another's.
    return line.low > end + PAUSE and (life.last is not None or life.ended is not None)


def _beside(lives: list[Life], stretch: Stretch) -> list[Life]:
    """The lives that touch a stretch, or lie next to it: no life reaches over another one."""
    near = sorted(lives, key=lambda life: _distance(life, stretch))
    sides: set[bool | None] = set()
    chosen = []
    for life in near:
        side = None if _gap(life, stretch) is None else (life.end or life.since) < stretch.low  # type: ignore[operator]
        if side is None or side not in sides:
            chosen.append(life)
        sides.add(side)
    return chosen


def _gap(life: Life, stretch: Stretch) -> timedelta | None:
    """How long nothing is known of between a life and a stretch; None if they touch."""
    start, end = life.start, life.end
    if start is None and end is None:
        return None
    if stretch.high is not None and start is not None and stretch.high < start:
        return start - stretch.high
    if stretch.low is not None and end is not None and stretch.low > end:
        return stretch.low - end
    return None


def _distance(life: Life, stretch: Stretch) -> tuple[timedelta, date]:
    """How near a life is to a stretch; of two that touch it the newer comes first."""
    gap = _gap(life, stretch)
    return gap or timedelta(), date.min + (date.max - life.since)


def _span(life: Life) -> tuple[date, str]:
    """A life in words, and its first day to sort by."""
    start, end = life.start or life.since, life.until
    return start, f"one from {start} to {end}" if end else f"one since {start}"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
