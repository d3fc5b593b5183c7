"""Two securities of one symbol that are one, now that a later file has filled the gap between them.

A gap of years with other prices behind it is evidence for two. Once bars fill it, the evidence is
gone, and the two become one, as if one file had brought all: under the number of the one that
bears the symbol now, by which alerts and reports know it. Whatever else says that they are two
(listings that end or begin in between, other names or numbers of theirs, another symbol that one
of them has borne) goes on to keep them apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date

import polars as pl

from technic.data.ingest.identity import PAUSE, Life, Placed, Stretch, another
from technic.data.store import Store, StoreVersion
from technic.data.store.joined import WITH_SECURITIES, as_joined

NAMED = 5  # symbols of a line; the others are counted


class AsJoined(Store):
    """A store read as if some securities were others; nothing of it is changed.

    Parameters
    ----------
    store : that is read
    into : for a security, which one it turned out to be
    """

    def __init__(self, store: Store, into: Mapping[int, int]) -> None:
        super().__init__(store.folder, store.database, store.place)
        self._into = into

    def table(self, name: str, version: StoreVersion | None = None) -> pl.LazyFrame:
        """All rows of a table, as `Store.table` gives them."""
        rows = super().table(name, version)
        return as_joined(name, rows, self._into) if name in WITH_SECURITIES else rows


def join_up(placed: Placed, symbols: Iterable[str]) -> dict[int, int]:
    """Make one of each two securities of a symbol of which nothing says that they are two.

    Parameters
    ----------
    placed : lives of the symbols, all stretches placed

    Returns
    -------
    dict
        For a security, which one it turned out to be.
    """
    into: dict[int, int] = {}
    for symbol in symbols:
        lives = [life for life in placed.lives.get(symbol, []) if life.first is not None]
        lives.sort(key=lambda life: (life.first or life.since, life.security_id))
        for place, newer in enumerate(lives[1:], start=1):
            older = lives[place - 1]
            if not _are_two(older, newer):
                lives[place] = placed.put_together(older, newer)
                into[older.security_id] = newer.security_id
    return {older: _at_last(into, older) for older in into}


def joined_line(symbols: Collection[str]) -> str:
    """What a user is told of symbols whose two securities are one now.

    Parameters
    ----------
    symbols : not empty
    """
    names = sorted(symbols)
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    each = " each" if len(names) > 1 else ""
    return (
        f"{', '.join(names[:NAMED])}{more}: what was two securities{each} is one now: bars fill the gap "
        "between them"
    )


def _at_last(into: Mapping[int, int], security_id: int) -> int:
    while security_id in into:
        security_id = into[security_id]
    return security_id


def _are_two(older: Life, newer: Life) -> bool:
    """Whether anything says that two who bore a symbol one after the other are two."""
    assert newer.first is not None
    assert newer.last is not None
    if older.security_id == newer.security_id or max(older.names, newer.names) > 1:
        return True
    for one, other in ((older.name, newer.name), (older.figi, newer.figi), (older.cik, newer.cik)):
        if one and other and one != other:
            return True
    if _ended_before(older, newer.first) or _began_behind(newer, older.last):
        return True
    whole = Stretch(newer.symbol, newer.first, newer.last, newer.opened, newer.closed)
    return bool(another(older, whole))


def _ended_before(older: Life, first: date) -> bool:
    """Whether a listing ended before another's first bar, and its own bars do not contradict it."""
    if older.ended is None or older.last is None:
        return False
    return older.ended < first and older.last <= older.ended + PAUSE


def _began_behind(newer: Life, last: date | None) -> bool:
    """Whether a listing began behind another's last bar, and its own bars do not contradict it."""
    if newer.began is None or newer.first is None or last is None:
        return False
    return newer.began > last and newer.first >= newer.began - PAUSE
