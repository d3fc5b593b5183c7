"""Permanent securities, the tickers they bore and when, and what a vendor's listings add.

A security is known for ever by a number of ours. A ticker is a name it bears for a time. A FIGI
ties the two across renames, where the vendor knows it. Nothing is merged on a guess: a ticker
that comes back without proof that it is the same security is another one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import polars as pl

from technic.data.ingest.symbol_span import SymbolSpan
from technic.data.store.rows import newest_per
from technic.data.store.tickers import eras as newest_eras
from technic.data.store.tickers import highest_number
from technic.market.listing_types import listing_type
from technic.market.schema import LISTINGS, SYMBOL_PATTERN, TICKERS, conform
from technic.market.sessions import NEW_YORK
from technic.market.symbols import canonical_symbols

SAME = timedelta(days=10)  # a ticker that pauses for less goes on, unless a FIGI says otherwise


@dataclass
class SecurityMap:
    """Which security bore which symbol when, as stored and as learnt since.

    Attributes
    ----------
    eras : spans by symbol
    about : attributes of each security: the columns of the listings table
    top : the highest number of a security
    source : where new spans come from, for the tickers table
    notes : what a user should know: renames, recycled tickers, what stayed ambiguous
    """

    eras: dict[str, list[SymbolSpan]]
    about: dict[int, dict[str, object]]
    top: int
    source: str = "vendor"
    notes: list[str] = field(default_factory=list)
    _new_spans: dict[tuple[int, int], SymbolSpan] = field(default_factory=dict)  # not yet stored
    _described: set[int] = field(default_factory=set)  # securities with new attributes
    _by_id: dict[int, dict[int, SymbolSpan]] = field(default_factory=dict)
    _listed: set[str] = field(default_factory=set)  # as active, by the listings learnt so far

    def __post_init__(self) -> None:
        for rows in self.eras.values():
            for era in rows:
                self._by_id.setdefault(era.security_id, {})[era.number] = era

    @classmethod
    def of(
        cls, tickers: pl.DataFrame, listings: pl.DataFrame, source: str, gone: int = 0
    ) -> SecurityMap:
        """The map that the store's tables tickers and listings give.

        Parameters
        ----------
        source : where what is learnt comes from
        gone : the highest number of a security that turned out to be another one
        """
        spans: dict[str, list[SymbolSpan]] = {}
        for row in newest_eras(tickers).iter_rows(named=True):
            era = SymbolSpan(
                row["security_id"], row["symbol"], row["since"], row["until"], row["era"]
            )
            spans.setdefault(era.symbol, []).append(era)
        newest = newest_per(listings.lazy(), "security_id").collect()
        about = {row["security_id"]: row for row in newest.iter_rows(named=True)}
        return cls(spans, about, highest_number(tickers, gone), source)

    def spelt(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with their symbols in our spelling, or in the one that the store has.

        Parameters
        ----------
        rows : with `symbol`, as a vendor spells it
        """
        return rows.with_columns(canonical_symbols(rows["symbol"], self.eras.keys()))

    def identify(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with `security_id`; symbols never seen get the next numbers.

        Parameters
        ----------
        rows : with `symbol` and `date`; both are there in every row

        Returns
        -------
        DataFrame
            The rows in their order, and `security_id`, never null.
        """
        spans = (
            rows.group_by("symbol")
            .agg(low=pl.col("date").min(), high=pl.col("date").max())
            .sort("symbol")
        )
        simple: list[tuple[str, int]] = []  # one security on all days
        several: list[str] = []  # perhaps several: each day is looked at by itself
        for symbol, low, high in spans.iter_rows():
            holders = self.eras.get(symbol, [])
            if len(holders) == 1 and holders[0].covers(low) and holders[0].covers(high):
                simple.append((symbol, holders[0].security_id))
            elif not holders:
                simple.append((symbol, self._new(symbol, low).security_id))
            elif self._only_begins_earlier(holders, low, high):
                self._put(replace(holders[0], since=low))
                simple.append((symbol, holders[0].security_id))
            else:
                several.append(symbol)
        table = pl.DataFrame(
            simple, schema={"symbol": pl.String, "security_id": pl.Int64}, orient="row"
        )
        joined = rows.join(table, on="symbol", how="left", maintain_order="left")
        return self._identify_by_day(joined, several) if several else joined

    def _identify_by_day(self, rows: pl.DataFrame, symbols: list[str]) -> pl.DataFrame:
        """Fill in `security_id` of some symbols, day by day from the newest to the oldest."""
        days = rows.filter(pl.col("symbol").is_in(symbols)).select("symbol", "date").unique()
        days = days.sort("symbol", "date", descending=[False, True])
        holder_ids = [(s, d, self._holder(s, d)) for s, d in days.iter_rows()]
        schema = {"symbol": pl.String, "date": pl.Date, "other_id": pl.Int64}
        others = pl.DataFrame(holder_ids, schema=schema, orient="row")
        return (
            rows.join(others, on=["symbol", "date"], how="left", maintain_order="left")
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
        at : when the vendor said so
        last_bars : newest bar of each security, to date renames by
        on : the day the listings hold for, if it is not today
        """
        today = at.astimezone(NEW_YORK).date()
        listings = self.spelt(listings)
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
                self._learn_ended(row, figis, listed, last_bars)

    def tables(self, at: datetime) -> dict[str, pl.DataFrame]:
        """Rows of the tables tickers and listings to commit; none the second time.

        Parameters
        ----------
        at : the instant from which they are known
        """
        eras = [
            (e.security_id, e.symbol, e.since, e.until, e.number, at, self.source)
            for e in self._new_spans.values()
        ]
        tickers = pl.DataFrame(eras, schema=TICKERS, orient="row")
        rows = [
            {**self.about[i], "security_id": i, "known_at": at, "assumed": False}
            for i in sorted(self._described)
        ]
        listings = pl.DataFrame(rows, schema=LISTINGS) if rows else pl.DataFrame(schema=LISTINGS)
        self._new_spans, self._described = {}, set()
        return {"tickers": tickers, "listings": conform(listings, LISTINGS, "listings")}

    def _learn_active(
        self, row: dict[str, object], today: date, figis: dict[str, int], last_bars: dict[int, date]
    ) -> None:
        """A listing that is active, which may be new, known, renamed or taken over."""
        symbol, figi = str(row["symbol"]), row["figi"]
        held = self._open(symbol)
        security_id = figis.get(str(figi)) if figi else None
        if security_id is not None and (held is None or held.security_id != security_id):
            self._learn_rename(row, security_id, today, last_bars)
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
        updated_on = row["updated"]
        later = isinstance(updated_on, date) and ended and updated_on > since
        new = self._new(symbol, updated_on if later and isinstance(updated_on, date) else since)
        self._describe(new.security_id, row)
        if figi:
            figis[str(figi)] = new.security_id

    def _learn_rename(
        self, row: dict[str, object], security_id: int, today: date, last_bars: dict[int, date]
    ) -> None:
        """A listing whose FIGI is that of a security that does not bear the symbol here."""
        symbol, updated = str(row["symbol"]), row["updated"]
        held, current = self._open(symbol), self._current(security_id)
        older = isinstance(updated, date) and current is not None and updated < current.since
        if current is not None and older and current.symbol != symbol:
            self._note(f"{symbol}: listed for {current.symbol} since before it was; not believed")
            return
        if current is not None and current.symbol != symbol and held is None:
            self._rename(current, symbol, row, last_bars, today)
        elif held is not None:
            self._note(
                f"{symbol}: listed as {row['figi']}, which is another security here; kept apart"
            )
        self._describe(security_id, row)

    def _learn_ended(
        self,
        row: dict[str, object],
        figis: dict[str, int],
        listed: set[str],
        last_bars: dict[int, date],
    ) -> None:
        """A listing that has ended: of a security that is known, or of one never met."""
        symbol, figi, until = str(row["symbol"]), row["figi"], row["until"]
        if not isinstance(until, date):
            return
        security_id = figis.get(str(figi)) if figi else None
        held = self._open(symbol)
        if held is not None and security_id in {None, held.security_id} and symbol not in listed:
            last = last_bars.get(held.security_id)
            if held.since <= until and last is not None and last > until + SAME:
                self._note(f"{symbol}: listed until {until}, and trades until {last}: not believed")
                return
        if security_id is not None:
            current = self._current(security_id)
            if current is not None and current.symbol == symbol and current.until is None:
                self._put(replace(current, until=until))
            self._describe(security_id, row)
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
        security_id = figis.get(str(figi)) if figi else None
        if security_id is None:
            return
        current = self._current(security_id)
        held = [e for e in self.eras.get(symbol, []) if e.security_id != security_id]
        if current is None or current.symbol == symbol:
            return
        if any(e.until is None for e in held):
            self._note(f"{symbol}: on {on} another security's ticker; which is which is not known")
            return
        self._another(security_id, symbol, on, current.since - timedelta(days=1))

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
        eras = sorted(self.eras.get(symbol, []), key=lambda e: e.since)
        for era in reversed(eras):
            if era.covers(day):
                return era.security_id
        later = next((e for e in eras if e.since > day), None)
        earlier = next((e for e in reversed(eras) if e.until and e.until < day), None)
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

    def _only_begins_earlier(self, eras: list[SymbolSpan], low: date, high: date) -> bool:
        """Whether a symbol's one holder, never called otherwise, simply has older bars."""
        era = eras[0]
        alone = len(eras) == 1 and len(self._own(era.security_id)) == 1
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
        self._new_spans[key] = era

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
        attributes = {
            "name": row["name"],
            "type": listing_type(row["type"], row["name"], str(row["symbol"])),  # type: ignore[arg-type]
            "exchange": row["exchange"],
            "figi": row["figi"],
            "cik": row["cik"],
            "until": row["until"],
        }
        names = [name for name in LISTINGS if name not in {"security_id", "known_at", "assumed"}]
        after = {
            name: attributes[name] if attributes.get(name) is not None else before.get(name)
            for name in names
        }
        if any(after[name] != before.get(name) for name in names):
            self.about[security_id] = after
            self._described.add(security_id)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
