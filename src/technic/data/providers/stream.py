"""Minute bars as they happen: a websocket of Massive's, over the snapshot that it begins with."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from time import monotonic
from typing import Any

import orjson
import polars as pl
from websockets.sync.client import connect

from technic.data.providers.minutes import DaySoFar
from technic.errors import ConfigError, ProviderError, first_line

LOG = logging.getLogger("technic.data.stream")
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
        self._day = DaySoFar()
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
            return self._day.frame()

    def aside(self) -> Mapping[str, int]:
        """How many minutes were set aside so far, by reason."""
        with self._guard:
            return {reason: n for reason, n in self._day.aside.items() if n}

    @property
    def is_alive(self) -> bool:
        """Whether somebody still listens, or tries to."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Listen no more."""
        self._over.set()

    def _listen(self) -> None:
        """Converse until it is over: whatever ends a conversation, another one is begun."""
        tries = 0
        while not self._over.is_set():
            since = self._heard
            try:
                self._converse()
            except Exception as error:  # noqa: BLE001 -- the thread lives, whatever the line sends
                if self._over.is_set():  # what it was asking has been closed with it
                    return
                said = f"{type(error).__name__}: {first_line(error)}"
                self._trouble = said.replace(self._key, "•••")
                LOG.warning("the stream of minutes broke: %s", self._trouble)
            tries = 0 if self._heard != since else tries
            self._over.wait(REST[min(tries, len(REST) - 1)])
            tries += 1

    def _converse(self) -> None:
        with connect(self._url, max_size=LARGEST, open_timeout=10, close_timeout=1) as line:
            self._expect(line.recv(10), {"connected"})
            line.send(orjson.dumps({"action": "auth", "params": self._key}).decode())
            self._expect(line.recv(10), {"auth_success"})
            line.send('{"action":"subscribe","params":"AM.*"}')
            begun = self._snapshots.bars()
            with self._guard:
                self._day.begin(begun)
            self._heard, self._trouble = monotonic(), ""
            while not self._over.is_set():
                with suppress(TimeoutError):
                    self._take(line.recv(1.0))
                if monotonic() - self._heard > SILENT:
                    self._trouble = "silent for too long"
                    return

    def _expect(self, message: str | bytes, wanted: set[str]) -> None:
        """Hear one of some words of the line's state; anything else is an error."""
        rows = [row for row in rows_of(message) if isinstance(row, dict)]
        statuses = {str(row.get("status")) for row in rows if row.get("ev") == "status"}
        if not statuses & wanted:
            raise ProviderError(f"the stream answered {', '.join(statuses) or 'nothing'}")

    def _take(self, message: str | bytes) -> None:
        """Merge minutes into the day."""
        self._heard = monotonic()
        rows, now = rows_of(message), self.now()
        with self._guard:
            self._day.take(rows, now)


def rows_of(message: str | bytes) -> list[Any]:
    """The rows of a message; the message itself, where it holds no rows.

    Parameters
    ----------
    message : as it was sent; anything at all
    """
    try:
        content = orjson.loads(message)
    except ValueError:
        return [message]
    return content if isinstance(content, list) else [content]
