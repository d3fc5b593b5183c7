"""Massive's flat files: one object per session, as traded, without a quota of calls.

The file of a session is there from 11:00 New York on the day after, and may be replaced later.
"""

from __future__ import annotations

import gzip
import re
import time
import zlib
from datetime import UTC, datetime, timedelta

import obstore
import polars as pl
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from technic.data.formats.panics import panics_as_errors
from technic.data.providers.source import (
    BAR_COLUMNS,
    Ask,
    Log,
    Reading,
    VendorCall,
    VendorProfile,
    unheard,
)
from technic.errors import AccessError, PageError, ProviderError
from technic.market.sessions import NEW_YORK

BASE = "https://files.massive.com"
BUCKET = "flatfiles"
LARGEST = 256 << 20
ABOUT = VendorProfile(
    "flatfiles",
    ("MASSIVE_S3_ACCESS_KEY", "MASSIVE_S3_SECRET_KEY"),
    "29 USD a month and up",
    "as your plan's",
    "one file per session, no quota",
    "for your own use; not to be passed on",
)
LATE = timedelta(days=7)  # that a file may be late
COLUMNS = {
    "ticker": "symbol",
    "volume": "volume",
    "open": "open",
    "close": "close",
    "high": "high",
    "low": "low",
    "window_start": "window_start",
}
NOTHING = ",".join(COLUMNS).encode() + b"\n"  # a file without bars


class FlatFiles:
    """Whole-market days from object storage: a `source.Source`.

    Parameters
    ----------
    base : address of the storage
    access, secret : keys
    log : is told of every call
    """

    about = ABOUT
    kinds = frozenset({"day"})
    simulated = False

    def __init__(self, base: str, access: str, secret: str, log: Log = unheard) -> None:
        self._log = log
        self._store = S3Store(
            BUCKET,
            endpoint=base,
            access_key_id=access,
            secret_access_key=secret,
            region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": base.startswith("http://127.0.0.1"), "timeout": "60s"},
            retry_config={"max_retries": 3},
        )

    def close(self) -> None:
        """Nothing is held."""

    def calls_for(self, _ask: Ask, _rows: int | None = None) -> int:
        """One object per session."""
        return 1

    def fetch(self, ask: Ask) -> list[bytes]:
        """The session's file, unpacked; see `Source.fetch`.

        An old file that is not there is an answer without bars: history begins later, or the
        market was closed. A recent one may still come.
        """
        path = f"us_stocks_sip/day_aggs_v1/{ask.first:%Y/%m/%Y-%m-%d}.csv.gz"
        since = time.perf_counter()
        status, packed, outcome = 0, b"", "ok"
        try:
            packed = bytes(obstore.get(self._store, path).bytes())
            status = 200
        except (PermissionError, BaseError, OSError) as error:
            outcome = type(error).__name__
            if isinstance(error, NotFoundError | FileNotFoundError) and _is_old(ask):
                return [NOTHING]
            if isinstance(error, PermissionError) or is_refusal(str(error)):
                raise AccessError(
                    f"flatfiles: {path}: the keys do not allow it; see technic providers"
                ) from error
            raise ProviderError(
                f"flatfiles: {path}: not there ({outcome}); files appear at 11:00 New York on the "
                "day after"
            ) from error
        finally:
            took = 1e3 * (time.perf_counter() - since)
            self._log(VendorCall("flatfiles", path, status, len(packed), took, 1, outcome))
        page = _unpack(packed)
        _rows(page)
        return [page]

    def read(self, _ask: Ask, pages: list[bytes]) -> Reading:
        """Rows under our names; see `Source.read`."""
        table = pl.concat([_rows(page) for page in pages])
        stamps = table["window_start"].unique().drop_nulls().to_list()
        days = {
            stamp: datetime.fromtimestamp(stamp / 1e9, UTC).astimezone(NEW_YORK).date()
            for stamp in stamps
        }
        bars = table.with_columns(
            date=pl.col("window_start").replace_strict(days, default=None, return_dtype=pl.Date),
            vwap=pl.lit(None, dtype=pl.Float64),
        )
        return Reading(bars.select(pl.col(n).cast(t) for n, t in BAR_COLUMNS.items()))


def _is_old(ask: Ask) -> bool:
    """Whether the file of a session has been there for long, if it ever is."""
    return ask.first is not None and datetime.now(UTC).date() - ask.first > LATE


def is_refusal(text: str) -> bool:
    """Whether an error speaks of a 401 or 403, and not of an address that has those digits in it.

    Examples
    --------
    >>> is_refusal("response: 403 Forbidden"), is_refusal("http://127.0.0.1:40123/x: 404")
    (True, False)
    """
    return re.search(r"\b40[13]\b", text) is not None


def _unpack(packed: bytes) -> bytes:
    try:
        machine = zlib.decompressobj(31)
        page = machine.decompress(packed, LARGEST)
        if not machine.eof:
            raise PageError("flatfiles: a file that is cut short, or too large")
    except (zlib.error, gzip.BadGzipFile) as error:
        raise PageError("flatfiles: a file that cannot be unpacked") from error
    return page


def _rows(page: bytes) -> pl.DataFrame:
    try:
        with panics_as_errors():
            table = pl.read_csv(page, schema_overrides={"ticker": pl.String})
    except pl.exceptions.PolarsError as error:
        raise PageError("flatfiles: a file that is no CSV") from error
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise PageError(f"flatfiles: a file without {', '.join(missing)}")
    return table.select(list(COLUMNS)).rename(COLUMNS)
