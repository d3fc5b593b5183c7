"""Who is who: permanent securities, dated tickers, and what a vendor's listings add.

A security is known for ever by a number of ours. A ticker is a name it bears for a time. A FIGI
ties the two across renames, where the vendor knows it. Nothing is merged on a guess: a ticker
that comes back without proof that it is the same security is another one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import polars as pl

from technic.data.store.tickers import eras as newest_eras
from technic.market.listing_types import listing_type
from technic.market.schema import LISTINGS, SYMBOL_PATTERN, TICKERS, conform
from technic.market.sessions import NEW_YORK

SAME = timedelta(days=10)  # a ticker that pauses for less goes on, unless a FIGI says otherwise
LONG_AGO = date(1900, 1, 1)


@dataclass(frozen=True, slots=True)
class SymbolSpan:
    """One security under one symbol."""

    security_id: int
    symbol: str
    since: date
    until: date | None
    number: int = 0

    def covers(self, day: date) -> bool:
        """Whether the security bore the symbol on a day."""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass
class SecurityMap:
    """What a store knows of names, and what came to it since.

    Attributes
    ----------
    notes : what a user should know: renames, recycled tickers, what stayed ambiguous
    """

    eras: dict[str, list[SymbolSpan]]
    about: dict[int, dict[str, object]]
    top: int
    source: str = "vendor"
    notes: list[str] = field(default_factory=list)
    _told: dict[tuple[int, int], SymbolSpan] = field(default_factory=dict)
    _changed: set[int] = field(default_factory=set)
    _by_id: dict[int, dict[int, SymbolSpan]] = field(default_factory=dict)
    _listed: set[str] = field(default_factory=set)  # as active, by the listings learnt so far

    def __post_init__(self) -> None:
        for rows in self.eras.values():
            for era in rows:
                self._by_id.setdefault(era.security_id, {})[era.number] = era

    @classmethod
    def of(cls, tickers: pl.DataFrame, listings: pl.DataFrame, source: str) -> SecurityMap:
        """What the store's tables say."""
        found: dict[str, list[SymbolSpan]] = {}
        for row in newest_eras(tickers).iter_rows(named=True):
            era = SymbolSpan(
                row["security_id"], row["symbol"], row["since"], row["until"], row["era"]
            )
            found.setdefault(era.symbol, []).append(era)
        newest = listings.sort("known_at", maintain_order=True).unique(
            "security_id", keep="last", maintain_order=True
        )
        about = {row["security_id"]: row for row in newest.iter_rows(named=True)}
        return cls(found, about, int(tickers["security_id"].max() or 0), source)  # type: ignore[arg-type]

    def identify(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`rows` (symbol, date, …) with `security_id`; symbols never seen get the next numbers."""
        spans = (
            rows.group_by("symbol")
            .agg(low=pl.col("date").min(), high=pl.col("date").max())
            .sort("symbol")
        )
        simple: list[tuple[str, int]] = []
        several: list[str] = []
        for symbol, low, high in spans.iter_rows():
            known = self.eras.get(symbol, [])
            if len(known) == 1 and known[0].covers(low) and known[0].covers(high):
                simple.append((symbol, known[0].security_id))
            elif not known:
                simple.append((symbol, self._new(symbol, low).security_id))
            elif self._only_begins_earlier(known, low, high):
                self._put(replace(known[0], since=low))
                simple.append((symbol, known[0].security_id))
            else:
                several.append(symbol)
        table = pl.DataFrame(
            simple, schema={"symbol": pl.String, "security_id": pl.Int64}, orient="row"
        )
        joined = rows.join(table, on="symbol", how="left", maintain_order="left")
        if not several:
            return joined
        chosen = rows.filter(pl.col("symbol").is_in(several)).select("symbol", "date").unique()
        chosen = chosen.sort("symbol", "date", descending=[False, True])
        found = [(s, d, self._holder(s, d)) for s, d in chosen.iter_rows()]
        schema = {"symbol": pl.String, "date": pl.Date, "other_id": pl.Int64}
        others = pl.DataFrame(found, schema=schema, orient="row")
        return (
            joined.join(others, on=["symbol", "date"], how="left", maintain_order="left")
            .with_columns(security_id=pl.coalesce("security_id", "other_id"))
            .drop("other_id")
        )

    def learn(
        self,
        listings: pl.DataFrame,
        at: datetime,
        last_bars: dict[int, date],
        on: date | None = None,
    ) -> None:
        """Take in what a vendor says of names.

        Parameters
        ----------
        listings : rows of `providers.source.TICKER_COLUMNS`
        last_bars : newest bar of each security, to date renames by
        on : the day the listings hold for, if it is not today
        """
        today = at.astimezone(NEW_YORK).date()
        figis = {str(a["figi"]): i for i, a in self.about.items() if a.get("figi")}
        listed = set(listings.filter(pl.col("active"))["symbol"]) | self._listed
        self._listed = listed if on is None else self._listed
        for row in listings.sort("active", descending=True).iter_rows(named=True):
            if not re.fullmatch(SYMBOL_PATTERN, str(row["symbol"] or "")):
                self._note(
                    f"a listing under {str(row['symbol'])[:24]!r}, which is no ticker: left out"
                )
                continue
            if on is not None:
                self._learn_past(row, on, figis)
            elif row["active"]:
                self._learn_active(row, today, figis, last_bars)
            else:
                self._learn_ended(row, figis, listed)

    def tables(self, at: datetime) -> dict[str, pl.DataFrame]:
        """Rows to commit, and none the second time."""
        eras = [
            (e.security_id, e.symbol, e.since, e.until, e.number, at, self.source)
            for e in self._told.values()
        ]
        tickers = pl.DataFrame(eras, schema=TICKERS, orient="row")
        rows = [
            {**self.about[i], "security_id": i, "known_at": at, "assumed": False}
            for i in sorted(self._changed)
        ]
        listings = pl.DataFrame(rows, schema=LISTINGS) if rows else pl.DataFrame(schema=LISTINGS)
        self._told, self._changed = {}, set()
        return {"tickers": tickers, "listings": conform(listings, LISTINGS, "listings")}

    def _learn_active(
        self, row: dict[str, object], today: date, figis: dict[str, int], last_bars: dict[int, date]
    ) -> None:
        symbol, figi = str(row["symbol"]), row["figi"]
        held = self._open(symbol)
        known = figis.get(str(figi)) if figi else None
        if known is not None and (held is None or held.security_id != known):
            current = self._current(known)
            updated = row["updated"]
            older = isinstance(updated, date) and current is not None and updated < current.since
            if current is not None and older and current.symbol != symbol:
                self._note(
                    f"{symbol}: listed for {current.symbol} since before it was; not believed"
                )
                return
            if current is not None and current.symbol != symbol and held is None:
                self._rename(current, symbol, row, last_bars, today)
            elif held is not None:
                self._note(
                    f"{symbol}: listed as {figi}, which is another security here; kept apart"
                )
            self._describe(known, row)
            return
        if held is not None:
            theirs = self.about.get(held.security_id, {}).get("figi")
            if theirs is None or figi is None or theirs == figi:
                self._describe(held.security_id, row)
                if figi:
                    figis[str(figi)] = held.security_id
                return
            end = last_bars.get(held.security_id, today - timedelta(days=1))
            self._put(replace(held, until=end))
            self._note(f"{symbol}: taken over by another security after {end}; kept apart")
        ended = [e.until for e in self.eras.get(symbol, []) if e.until]
        since = max(ended) + timedelta(days=1) if ended else today
        told = row["updated"]
        later = isinstance(told, date) and ended and told > since
        new = self._new(symbol, told if later and isinstance(told, date) else since)
        self._describe(new.security_id, row)
        if figi:
            figis[str(figi)] = new.security_id

    def _learn_ended(self, row: dict[str, object], figis: dict[str, int], listed: set[str]) -> None:
        symbol, figi, until = str(row["symbol"]), row["figi"], row["until"]
        if not isinstance(until, date):
            return
        known = figis.get(str(figi)) if figi else None
        held = self._open(symbol)
        if known is not None:
            current = self._current(known)
            if current is not None and current.symbol == symbol and current.until is None:
                self._put(replace(current, until=until))
            self._describe(known, row)
            return
        if any(e.until == until for e in self.eras.get(symbol, [])):
            return
        theirs = self.about.get(held.security_id, {}).get("figi") if held is not None else None
        unclaimed = held is not None and held.since <= until and symbol not in listed
        if held is not None and unclaimed and (theirs is None or figi is None):
            # Nobody bears it now: it is the one that ended.
            self._put(replace(held, until=until))
            self._describe(held.security_id, row)
            return
        if held is not None and held.since <= until:
            held_since = until + timedelta(days=1)
            self._put(replace(held, since=held_since))
        new = self._new(symbol, until)
        self._put(replace(new, until=until))
        self._describe(new.security_id, row)
        if figi:
            figis[str(figi)] = new.security_id

    def _learn_past(self, row: dict[str, object], on: date, figis: dict[str, int]) -> None:
        """An old name of a security that is known by its FIGI."""
        symbol, figi = str(row["symbol"]), row["figi"]
        known = figis.get(str(figi)) if figi else None
        if known is None:
            return
        current = self._current(known)
        held = [e for e in self.eras.get(symbol, []) if e.security_id != known]
        if current is None or current.symbol == symbol:
            return
        if any(e.until is None for e in held):
            self._note(f"{symbol}: on {on} another security's ticker; which is which is not known")
            return
        self._another(known, symbol, on, current.since - timedelta(days=1))

    def _rename(
        self,
        current: SymbolSpan,
        symbol: str,
        row: dict[str, object],
        last_bars: dict[int, date],
        today: date,
    ) -> None:
        updated = row["updated"] if isinstance(row["updated"], date) else today
        last = last_bars.get(current.security_id, updated - timedelta(days=1))
        until = max(last, min(updated, today) - timedelta(days=1))
        self._put(replace(current, until=until))
        self._another(current.security_id, symbol, until + timedelta(days=1), None)
        self._note(f"{current.symbol} is {symbol} now, since {until + timedelta(days=1)} or before")

    def _holder(self, symbol: str, day: date) -> int:
        """Who bears a symbol on a day; asked from the newest day to the oldest."""
        known = sorted(self.eras.get(symbol, []), key=lambda e: e.since)
        for era in reversed(known):
            if era.covers(day):
                return era.security_id
        later = next((e for e in known if e.since > day), None)
        earlier = next((e for e in reversed(known) if e.until and e.until < day), None)
        if earlier is not None and day - (earlier.until or day) <= SAME:
            follows = self._current(earlier.security_id)
            if later is None or (follows is not None and follows.symbol != symbol):
                self._put(replace(earlier, until=day))
                return earlier.security_id
        if later is not None:
            self._put(replace(later, since=day))
            self._clip(later.security_id, symbol, day)
            return later.security_id
        new = self._new(symbol, day)
        self._note(
            f"{symbol}: trades again on {day}; not known to be the same security: kept apart"
        )
        return new.security_id

    def _clip(self, security_id: int, symbol: str, since: date) -> None:
        """A security bears one symbol at a time: the older one ends before the newer begins."""
        for era in self._own(security_id):
            if era.symbol != symbol and era.since < since and (era.until or since) >= since:
                self._put(replace(era, until=since - timedelta(days=1)))

    def _only_begins_earlier(self, known: list[SymbolSpan], low: date, high: date) -> bool:
        """Whether a symbol's one holder, never called otherwise, simply has older bars."""
        era = known[0]
        alone = len(known) == 1 and len(self._own(era.security_id)) == 1
        return alone and low < era.since and (era.until is None or high <= era.until)

    def _own(self, security_id: int) -> list[SymbolSpan]:
        """Every era of a security."""
        return list(self._by_id.get(security_id, {}).values())

    def _new(self, symbol: str, since: date) -> SymbolSpan:
        self.top += 1
        era = SymbolSpan(self.top, symbol, since, None)
        self._put(era)
        return era

    def _put(self, era: SymbolSpan) -> None:
        """An era as it is known now, in place of what was known of it."""
        key = (era.security_id, era.number)
        rows = self.eras.get(era.symbol, [])
        self.eras[era.symbol] = [e for e in rows if (e.security_id, e.number) != key] + [era]
        self._by_id.setdefault(era.security_id, {})[era.number] = era
        self._told[key] = era

    def _another(self, security_id: int, symbol: str, since: date, until: date | None) -> None:
        """One more era of a security."""
        own = self._own(security_id)
        self._put(SymbolSpan(security_id, symbol, since, until, 1 + max(e.number for e in own)))

    def _open(self, symbol: str) -> SymbolSpan | None:
        return next((e for e in self.eras.get(symbol, []) if e.until is None), None)

    def _current(self, security_id: int) -> SymbolSpan | None:
        """The newest era of a security."""
        return max(self._own(security_id), key=lambda e: e.since, default=None)

    def _describe(self, security_id: int, row: dict[str, object]) -> None:
        """Attributes as told; what the vendor does not say stays as it was."""
        before = self.about.get(security_id, {})
        told = {
            "name": row["name"],
            "type": listing_type(row["type"], row["name"]),
            "exchange": row["exchange"],  # type: ignore[arg-type]
            "figi": row["figi"],
            "cik": row["cik"],
            "until": row["until"],
        }
        names = [name for name in LISTINGS if name not in {"security_id", "known_at", "assumed"}]
        after = {
            name: told[name] if told.get(name) is not None else before.get(name) for name in names
        }
        if any(after[name] != before.get(name) for name in names):
            self.about[security_id] = after
            self._changed.add(security_id)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
