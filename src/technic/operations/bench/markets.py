"""The bars a bench runs on: the user's own, or a simulated market; in several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from technic.data.ingest import FileStore
from technic.data.store import Store
from technic.data.store.mapped_panel import MappedPanel
from technic.data.store.rows import newest_per
from technic.runtime.settings import Setting, Settings

SEED = 0


@dataclass(frozen=True)
class Market:
    """The bars that a bench runs on, and a folder for stores made of them.

    Attributes
    ----------
    source : what the bars are, for a reader
    store : the whole market
    folder : where smaller and larger stores are written
    settings : whose caches are empty and belong to the bench alone
    """

    source: str
    store: Store
    folder: Path
    settings: Settings

    @cached_property
    def view(self) -> MappedPanel:
        """The newest session of the whole market."""
        return self.store.panel()

    @cached_property
    def symbols(self) -> list[str]:
        """Symbols, by position in the panel."""
        return self.view.who["symbol"].to_list()

    @cached_property
    def bars(self) -> pl.DataFrame:
        """The market's newest bars, as they would be imported."""
        version = self.store.require()
        rows = self.store.table("bars", version)
        newest = newest_per(rows, "security_id", "session").collect().sort("security_id", "session")
        names = pl.DataFrame({"security_id": self.view.panel.security_ids, "symbol": self.symbols})
        prices = ("open", "high", "low", "close", "volume")
        return newest.join(names, on="security_id").select(
            "symbol", pl.col("session").alias("date"), *prices
        )

    def sized(self, count: int, *, without_last: int = 0) -> FileStore:
        """A store of so many symbols, drawn by seed.

        Parameters
        ----------
        count : beyond the market's own, symbols are repeated under other names
        without_last : sessions left out at the end
        """
        rng = np.random.default_rng(SEED)
        traded = [s for s, n in zip(self.symbols, self.view.panel.lengths, strict=True) if n > 0]
        chosen = rng.permutation(traded)[: min(count, len(traded))].tolist()
        frame = self.bars.filter(pl.col("symbol").is_in(chosen))
        parts, held = [frame], len(chosen)
        copy = 0
        while held < count:
            copy += 1
            more = chosen[: count - held]
            parts.append(
                frame.filter(pl.col("symbol").is_in(more)).with_columns(
                    pl.col("symbol") + f".{copy}"
                )
            )
            held += len(more)
        every = pl.concat(parts)
        if without_last:
            days = every["date"].unique().sort()
            every = every.filter(pl.col("date") <= days[-1 - without_last])
        store = FileStore(self.folder / f"market-{count}-{without_last}")
        if store.version().number == 0:
            store.import_bars(every, "splits", simulated=self.store.require().simulated)
        return store

    def environment(self) -> dict[str, str]:
        """What another process needs to use the bench's own caches."""
        return {"TECHNIC_HOME": str(self.folder / "home"), "TECHNIC_CACHE": "memory,files"}


def own_settings(settings: Settings, folder: Path) -> Settings:
    """Settings whose caches are empty and lie in a folder of the bench; the kernel is the user's."""
    cache = folder / "home" / "cache"
    cache.mkdir(parents=True)
    (cache / "kernels").symlink_to(settings.kernels, target_is_directory=True)
    home = Setting("home", str(folder / "home"), "bench")
    given = {k: v for k, v in settings.given.items() if k in {"threads", "executor"}}
    return Settings({**given, "home": home})


class Bench:
    """A market in a folder that is removed when the bench is over.

    Parameters
    ----------
    store : the user's own; None for a simulated market
    size, sessions : of the simulated market
    """

    def __init__(self, store: Store | None, settings: Settings, size: int, sessions: int) -> None:
        self._folder = TemporaryDirectory(prefix="technic-bench-")
        self._store, self._settings = store, settings
        self._size, self._sessions = size, sessions

    def __enter__(self) -> Market:
        """The market."""
        folder = Path(self._folder.name)
        settings = own_settings(self._settings, folder)
        if self._store is not None:
            version = self._store.require()
            kind = "simulated" if version.simulated else "real"
            source = f"{self._store.folder.name}, {kind} bars to {version.last}"
            return Market(source, self._store, folder, settings)
        from technic.data.simulated import simulate

        market = simulate(seed=7, size=self._size, sessions=self._sessions)
        store = FileStore(folder / "simulated")
        store.import_bars(market.bars, simulated=market.about)
        store.import_listings(market.listings)
        source = f"a SIMULATED market, seed 7, {self._size:,} listings × {self._sessions} sessions"
        return Market(source, store, folder, settings)

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def sample(symbols: Sequence[str], count: int) -> list[str]:
    """Some symbols in random order, the same every time."""
    rng = np.random.default_rng(SEED)
    return [str(s) for s in rng.permutation(np.array(symbols, dtype=object))[:count]]
