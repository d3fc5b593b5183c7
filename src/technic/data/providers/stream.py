"""Minute bars as they happen: a websocket of Massive's, over the snapshot that it begins with."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import datetime
from time import monotonic
from typing import Any

import orjson
import polars as pl
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from technic.data.providers.source import SNAPSHOT_COLUMNS, number, text
from technic.errors import ConfigError, ProviderError
from technic.market.sessions import NEW_YORK

LARGEST = 4 << 20  # bytes of a message
SILENT = 90.0  # seconds without a word after which the line is thought dead
REST = (1.0, 2.0, 5.0, 15.0, 30.0)  # seconds between tries to come back


class Stream:
    """A feed of bars of the day so far: a snapshot, and every minute since.

    A line that breaks is taken up again by itself, with a new snapshot, for what was missed.

    Parameters
    ----------
    url : of the websocket
    key : sent over it
    snapshots : a feed with `now` and `bars`, which gives what was before the line stood

    Raises
    ------
    ConfigError
        If the key would travel unencrypted.
    """

    def __init__(self, url: str, key: str, snapshots: Any) -> None:
        if not url.startswith(("wss://", "ws://127.0.0.1:", "ws://localhost:")):
            raise ConfigError(f"{url}: a key is only sent over wss://")
        self._url, self._key, self._snapshots = url, key, snapshots
        self._bars: dict[str, dict[str, Any]] = {}
        self._guard, self._over = threading.Lock(), threading.Event()
        self._heard, self._trouble = 0.0, "not connected yet"
        self._thread = threading.Thread(target=self._listen, daemon=True, name="technic-stream")
        self._thread.start()

    def now(self) -> datetime:
        """The vendor's time."""
        instant: datetime = self._snapshots.now()
        return instant

    def bars(self) -> pl.DataFrame:
        """The day so far, as `SNAPSHOT_COLUMNS`; no call is made.

        Raises
        ------
        ProviderError
            If the line is down.
        """
        if self._trouble or monotonic() - self._heard > SILENT:
            raise ProviderError(f"massive stream: {self._trouble or 'silent for too long'}")
        with self._guard:
            rows = [tuple(bar[name] for name in SNAPSHOT_COLUMNS) for bar in self._bars.values()]
        return pl.DataFrame(rows, schema=SNAPSHOT_COLUMNS, orient="row")

    def close(self) -> None:
        """Listen no more."""
        self._over.set()

    def _listen(self) -> None:
        tries = 0
        while not self._over.is_set():
            try:
                self._converse()
                tries = 0
            except (WebSocketException, OSError, ProviderError, ValueError) as error:
                self._trouble = f"{type(error).__name__}: {error}".replace(self._key, "•••")
            except Exception:
                if self._over.is_set():  # what it was asking has been closed with it
                    return
                raise
            self._over.wait(REST[min(tries, len(REST) - 1)])
            tries += 1

    def _converse(self) -> None:
        with connect(self._url, max_size=LARGEST, open_timeout=10, close_timeout=1) as line:
            self._expect(line.recv(10), {"connected"})
            line.send(orjson.dumps({"action": "auth", "params": self._key}).decode())
            self._expect(line.recv(10), {"auth_success"})
            line.send('{"action":"subscribe","params":"AM.*"}')
            begun = {row["symbol"]: row for row in self._snapshots.bars().to_dicts()}
            with self._guard:
                self._bars = begun
            self._heard, self._trouble = monotonic(), ""
            while not self._over.is_set():
                with suppress(TimeoutError):
                    self._take(line.recv(1.0))
                if monotonic() - self._heard > SILENT:
                    self._trouble = "silent for too long"
                    return

    def _expect(self, message: str | bytes, wanted: set[str]) -> None:
        """Hear one of some words of the line's state; anything else is an error."""
        statuses = {row.get("status") for row in _rows(message) if row.get("ev") == "status"}
        if not statuses & wanted:
            raise ProviderError(f"the stream answered {', '.join(map(str, statuses)) or 'nothing'}")

    def _take(self, message: str | bytes) -> None:
        """Merge minutes into the day."""
        self._heard = monotonic()
        minutes = [row for row in _rows(message) if row.get("ev") == "AM"]
        with self._guard:
            for row in minutes:
                symbol = text(row.get("sym"))
                if symbol is not None:
                    _merge(self._bars, symbol, row)


def _rows(message: str | bytes) -> list[dict[str, Any]]:
    content = orjson.loads(message)
    return [row for row in content if isinstance(row, dict)] if isinstance(content, list) else []


def _merge(bars: dict[str, dict[str, Any]], symbol: str, row: dict[str, Any]) -> None:
    """One minute into its day; the first minute of a new day begins it."""
    values = {name: number(row.get(letter)) for name, letter in _LETTERS.items()}
    end = row.get("e")
    if any(values[name] is None for name in ("high", "low", "close")) or type(end) is not int:
        return
    day = datetime.fromtimestamp(end / 1000.0, NEW_YORK).date()
    held = bars.get(symbol)
    if held is None or held["date"] != day:
        before = held["close"] if held else None
        bars[symbol] = {"symbol": symbol, "date": day, "before": before, **values}
        return
    held["high"] = max(held["high"], values["high"])
    held["low"] = min(held["low"], values["low"])
    held["close"] = values["close"]
    for name in ("volume", "vwap"):
        if values[name] is not None:
            held[name] = values[name]


_LETTERS = {"open": "op", "high": "h", "low": "l", "close": "c", "volume": "av", "vwap": "a"}
