"""Where bars of a day that is not over come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

import polars as pl

from technic.data.providers.source import Ask


class Feed(Protocol):
    """Where bars of the day so far come from."""

    def now(self) -> datetime:
        """What time it is there; a simulated vendor has a clock of its own."""
        ...

    def bars(self) -> pl.DataFrame:
        """The bars of the day so far: one row for each symbol, of `SNAPSHOT_COLUMNS`.

        A symbol that has not traded yet has a row without prices, and volume 0.

        Raises
        ------
        ProviderError
            If it does not answer.
        """
        ...

    def aside(self) -> Mapping[str, int]:
        """How many messages were set aside so far, by reason, before they became bars."""
        ...


class Snapshots:
    """A feed that asks a vendor for the whole market, in one call each time."""

    def __init__(self, source: Any, now: Callable[[], datetime]) -> None:
        self._source, self._now = source, now

    def now(self) -> datetime:
        """The vendor's time."""
        return self._now()

    def aside(self) -> Mapping[str, int]:
        """Nothing: what cannot be believed of a snapshot is found when it is looked at."""
        return {}

    def bars(self) -> pl.DataFrame:
        """The newest bar of everything that trades, in one call."""
        ask = Ask("snapshot")
        table: pl.DataFrame = self._source.read(ask, self._source.fetch(ask)).table
        return table
