"""What all requests share: the store, the settings, the gate (an `AdmissionLimit`), the jobs, the bus, the clock's tick."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic, perf_counter
from typing import Any, Protocol, TypeVar

from technic.data.ingest import FileStore
from technic.errors import TechnicError
from technic.interfaces.http.addresses import Networks
from technic.interfaces.http.admission import AdmissionLimit
from technic.interfaces.http.answers import UnreadBytes
from technic.interfaces.http.api_keys import LOCAL, digests_of
from technic.interfaces.http.events import Bus
from technic.interfaces.http.jobs import Job, Jobs
from technic.interfaces.http.keyring import KeyRing
from technic.interfaces.http.live_watches import WatchDesk, Watches
from technic.interfaces.http.logins import LoginSessions
from technic.interfaces.http.metrics import Observed
from technic.interfaces.outside import outside
from technic.operations.alerts import AlertBook, channels_of, deliver
from technic.operations.metrics import save_metrics
from technic.runtime.settings import Settings
from technic.scanner.report import Report
from technic.scanner.scan import scan
from technic.scanner.spec.scan_file import ScanFile

T = TypeVar("T")
LOG = logging.getLogger("technic.http")
TICK = 0.5  # seconds between looks at the store and the alerts
SAMPLED = 2.0  # seconds between samples of the process
SENT = 3.0  # seconds between rounds of delivery
KEPT = 60.0  # seconds between measures that outlast a restart
TOLD = 0.1  # seconds between two signs of a job's progress


@dataclass(frozen=True)
class Exposure:
    """Who may come in.

    Attributes
    ----------
    hosts : names under which requests may ask for us, each with its port
    keyed : whether a key is needed
    secure : whether the world reaches us by https
    proxies : whose word on where a request comes from counts
    """

    hosts: frozenset[str]
    keyed: bool = False
    secure: bool = False
    proxies: Networks = ()

    @property
    def origins(self) -> frozenset[str]:
        """Where our own pages come from."""
        schemes = ("https",) if self.secure else ("http", "https")
        return frozenset(f"{scheme}://{host}" for scheme in schemes for host in self.hosts)


class Door(Protocol):
    """Another way in than HTTP. Implemented by `cli.socket_door.SocketDoor`."""

    async def open(self) -> None:
        """Let questions in."""

    def hide(self) -> None:
        """Let no more in, from any thread."""

    async def close(self) -> None:
        """End all that was let in."""


@dataclass
class ServerState:
    """What all requests to one server share.

    Attributes
    ----------
    exposure
        Under which names it is reached, and whether a key is needed.
    feed
        Opens a feed of bars of the day so far; None if no vendor is set up that has one.
    bus
        Publishes events to the pages that listen.
    observed
        Counts scans, times and troubles for `/metrics` and the page of operations.
    began
        When the server started, UTC.
    door
        Where command lines ask; None if nowhere.
    """

    store: FileStore
    settings: Settings
    exposure: Exposure
    feed: Callable[[], Any] | None = None  # makes a feed of bars of the day so far
    bus: Bus = field(default_factory=Bus)
    observed: Observed = field(default_factory=Observed)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    door: Door | None = None

    def __post_init__(self) -> None:
        """Make what has a life of its own."""
        self.gate = AdmissionLimit()
        self.jobs = Jobs(self._tell_job)
        self.sessions = LoginSessions()
        self.unread = UnreadBytes()
        self.keys = KeyRing(lambda: digests_of(self.store.catalog), self.observed.trouble)
        self._beside = ThreadPoolExecutor(4, "technic-round")  # what hangs there hangs alone
        self.watches = Watches(
            WatchDesk(self.store, self.settings, self.bus, self.observed, self.feed)
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._told: dict[str, float] = {}
        self._version, self._newest = "", -1  # of the store, and of the alerts, that were told of

    @property
    def book(self) -> AlertBook:
        """The alerts of the store."""
        return AlertBook(self.store.catalog)

    async def start(self) -> None:
        """Begin to tick."""
        self.bus.start()
        self.observed.start()
        if self.door is not None:
            await self.door.open()
        rounds = (
            (TICK, self._tick, 0.0),
            (SAMPLED, self._sample, 0.0),
            (SENT, self._send, 0.0),
            (KEPT, self._keep, KEPT),  # a process that has only begun has nothing to tell
        )
        self._tasks = [asyncio.create_task(self._round(*one)) for one in rounds]

    async def stop(self) -> None:
        """End everything that runs."""
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if self.door is not None:
            await self.door.close()
        self.give_up()
        self.gate.close()
        self.keys.close()
        self._beside.shutdown(wait=False, cancel_futures=True)
        self.observed.stop()

    def give_up(self) -> None:
        """Stop everything that works at its next look at its deadline."""
        if self.door is not None:
            self.door.hide()
        self.watches.close()
        self.jobs.close()
        self.gate.give_up()

    def scan(self, file: ScanFile | None, **options: Any) -> Report:
        """A scan whose timings are observed."""
        since = perf_counter()
        report = scan(self.store, file=file, settings=self.settings, **options)
        self.observed.scanned(report, 1e3 * (perf_counter() - since))
        return report

    def _tell_job(self, job: Job) -> None:
        """Tell of a job's progress, not more often than anybody can look."""
        now, stage = monotonic(), job.stage
        if stage.ended is None and now - self._told.get(job.id, 0.0) < TOLD and stage.done:
            return
        self._told[job.id] = now
        self.bus.publish("job", job.as_dict(stage), owner=job.key.id)
        if stage.ended is not None:
            self._told.pop(job.id, None)

    async def _round(self, every: float, act: Callable[[], Awaitable[None]], first: float) -> None:
        """Do something again and again; a round that fails is written down, and not the last."""
        await asyncio.sleep(first)
        while True:
            try:
                await act()
            except Exception as error:
                if not isinstance(error, TechnicError | OSError):
                    LOG.exception("a round of %s", act.__name__)
                self.observed.trouble(outside(error))
            await asyncio.sleep(every)

    async def _tick(self) -> None:
        """Tell of a new store version and of new alerts."""
        await self._dismiss_strangers()
        news = await self._aside(self._look, max(self._newest, 0))
        if self._version and news["version"] != self._version:
            self.bus.publish("store", {"version": news["version"], "as_of": news["as_of"]})
        if self._newest >= 0:
            for alert in reversed(news["alerts"]):
                self.bus.publish("alert", alert)
        self._version, self._newest = news["version"], news["newest"]

    async def _dismiss_strangers(self) -> None:
        """End the streams and jobs of keys that were revoked, or have expired, since they began."""
        if (self.bus.owners | self.jobs.owners) - {LOCAL.id}:
            await self.keys.refresh()
            self.bus.dismiss(self.keys.is_good)
            self.jobs.dismiss(self.keys.is_good)

    async def _aside(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do something in a thread of our own: one that hangs must not hold up the end."""
        return await asyncio.get_running_loop().run_in_executor(self._beside, work, *arguments)

    def _look(self, newest: int) -> dict[str, Any]:
        version, latest = self.store.version(), self.book.newest()
        return {
            "version": version.name,
            "as_of": version.last and version.last.isoformat(),
            "alerts": self.book.alerts(50, newest) if latest > newest else [],
            "newest": latest,
        }

    async def _sample(self) -> None:
        """Look at the process, and push what pages show."""
        self.observed.sample()
        if self.bus.listeners:
            self.bus.publish("operations", self.pulse())

    async def _send(self) -> None:
        """Deliver alerts whose time has come; a slow receiver holds nothing else up."""
        channels = channels_of(self.settings)
        await self._aside(deliver, self.store.catalog, channels, self.store.folder)

    async def _keep(self) -> None:
        """Keep what outlasts a restart."""
        measures = self.observed.measures()
        await self._aside(save_metrics, self.store.catalog, measures, datetime.now(UTC))

    def pulse(self) -> dict[str, Any]:
        """What changes from second to second."""
        return {
            **self.observed.pulse(),
            "gate": {
                "workers": self.gate.workers,
                "working": self.gate.working,
                "waiting": self.gate.waiting,
                "turned_away": self.gate.turned_away,
            },
            "caches": [
                {"tier": tier.name, **tier.meter.as_dict()} for tier in self.settings.cache.tiers
            ],
            "listeners": self.bus.listeners,
            "unread_bytes": self.unread.total,
            "uptime_s": round((datetime.now(UTC) - self.began).total_seconds()),
        }
