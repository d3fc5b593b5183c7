"""Scans that a server looks at while the market trades, each in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from technic.data.ingest import FileStore
from technic.errors import TechnicError
from technic.interfaces.http.events import Bus
from technic.interfaces.http.metrics import Observed
from technic.interfaces.http.problems import Problem
from technic.interfaces.outside import outside
from technic.operations.alerts import AlertBook
from technic.operations.intraday import Watch
from technic.operations.saved_scans import scan_file
from technic.runtime.settings import Settings

MOST = 4
LEAST = 5.0  # seconds between looks
LOG = logging.getLogger("technic.http")


@dataclass
class Running:
    """One watch at work.

    Attributes
    ----------
    name
        The saved scan or preset that is watched.
    every
        Seconds between looks.
    over
        Set when the watch is to end.
    last
        What the last look showed, as JSON holds it.
    looks
        How many looks there were.
    """

    name: str
    every: float
    over: threading.Event = field(default_factory=threading.Event)
    last: dict[str, Any] = field(default_factory=dict)
    looks: int = 0

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"name": self.name, "every_s": self.every, "looks": self.looks, "last": self.last}


@dataclass(frozen=True)
class WatchDesk:
    """What the watches of a server work with.

    Attributes
    ----------
    feed
        Opens a feed of bars of the day so far; None if no vendor is set up that has one.
    bus
        Where each look is published.
    observed
        Where scans are counted and troubles noted.
    """

    store: FileStore
    settings: Settings
    bus: Bus
    observed: Observed
    feed: Callable[[], Any] | None


class Watches:
    """The watches of one server."""

    def __init__(self, desk: WatchDesk) -> None:
        self._desk, self._running = desk, dict[str, Running]()

    def list(self) -> list[dict[str, Any]]:
        """Every watch, by name."""
        return [watch.as_dict() for _, watch in sorted(self._running.items())]

    def start(self, name: str, every: float) -> Running:
        """Begin to look at a saved scan or a preset; one that is watched already is left alone.

        Raises
        ------
        Problem
            409 if no vendor is set up, 503 if too much is watched.
        ConfigError
            If there is no such scan.
        """
        file = scan_file(self._desk.settings, name)
        if self._desk.feed is None:
            raise Problem(409, "no vendor is set up that knows the day so far: technic init")
        if name in self._running:
            return self._running[name]
        if len(self._running) >= MOST:
            raise Problem(503, f"{MOST} scans are watched already", retry_after=60)
        running = Running(name, max(every, LEAST))
        self._running[name] = running
        arguments = (running, file)
        threading.Thread(
            target=self._look, args=arguments, daemon=True, name=f"watch-{name}"
        ).start()
        return running

    def stop(self, name: str) -> bool:
        """Look no more; whether it was watched."""
        running = self._running.pop(name, None)
        if running is not None:
            running.over.set()
        return running is not None

    def close(self) -> None:
        """Stop all."""
        for name in list(self._running):
            self.stop(name)

    def _look(self, running: Running, file: Any) -> None:
        desk = self._desk
        assert desk.feed is not None
        book = AlertBook(desk.store.catalog)
        try:
            with desk.feed() as feed:
                watch = Watch(
                    desk.store, feed, file, running.name, settings=desk.settings, book=book
                )
                while not running.over.is_set():
                    self._glance(watch, running)
                    running.over.wait(running.every)
        except TechnicError as error:
            desk.observed.trouble(f"watch {running.name}: {outside(error)}")
        finally:
            if self._running.get(running.name) is running:  # it may have been begun anew
                del self._running[running.name]

    def _glance(self, watch: Watch, running: Running) -> None:
        try:
            glance = watch.glance()
        except Exception as error:  # whatever one look meets, the next one is made
            LOG.warning("watch %s", running.name, exc_info=not isinstance(error, TechnicError))
            self._desk.observed.trouble(f"watch {running.name}: {outside(error)}")
            return
        running.looks += 1
        running.last = glance.as_dict()
        if glance.report is not None:
            self._desk.observed.scanned(glance.report, glance.timings["scanned"])
            rows = [
                {"rank": r.rank, "symbol": r.symbol, "score": r.score, "closes": r.closes}
                for r in glance.report.shown[:50]
            ]
            running.last["rows"] = rows
        self._desk.bus.publish("glance", running.last)
