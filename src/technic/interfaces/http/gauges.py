"""Gauges that are read when somebody asks for metrics, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from technic.market.sessions import nyse

if TYPE_CHECKING:
    from technic.interfaces.http.state import ServerState

DAY = 86_400.0


class Gauges(Collector):
    """Caches, calls, store, process, gate."""

    def __init__(self, hub: ServerState) -> None:
        self._hub = hub

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: a description would have to look."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Everything, as it is now."""
        yield from self._caches()
        yield from self._store()
        yield from self._process()
        gate = self._hub.gate
        yield GaugeMetricFamily("technic_requests_working", "Requests at work.", gate.working)
        yield GaugeMetricFamily("technic_requests_waiting", "Requests that wait.", gate.waiting)
        yield CounterMetricFamily(
            "technic_turned_away", "Requests told to come back.", gate.turned_away
        )
        yield GaugeMetricFamily("technic_listeners", "Pages that listen.", self._hub.bus.listeners)

    def _caches(self) -> Iterator[Metric]:
        for what, text in (
            ("hits", "Values found."),
            ("misses", "Values not found."),
            ("rejected", "Values not to be believed."),
            ("failures", "Calls a server did not answer."),
        ):
            family = CounterMetricFamily(f"technic_cache_{what}", text, labels=["tier"])
            for tier in self._hub.settings.cache.tiers:
                family.add_metric([tier.name], getattr(tier.meter, what))
            yield family

    def _store(self) -> Iterator[Metric]:
        version = self._hub.store.version()
        if version.last is not None:
            behind = nyse().last_finished(datetime.now(UTC)) - nyse().ordinal(version.last)
            yield GaugeMetricFamily(
                "technic_store_sessions_behind", "Finished sessions that are missing.", behind
            )
        yield GaugeMetricFamily("technic_store_version", "Number of the version.", version.number)
        calls: dict[tuple[str, str], int] = {}
        since = datetime.fromtimestamp(datetime.now(UTC).timestamp() - DAY, UTC)
        for row in self._hub.store.catalog.calls(since):
            key = (row["provider"], f"{row['status'] // 100}xx")
            calls[key] = calls.get(key, 0) + 1
        family = GaugeMetricFamily(
            "technic_vendor_calls_day", "Calls of the last 24 hours.", labels=["provider", "status"]
        )
        for labels, count in calls.items():
            family.add_metric(list(labels), count)
        yield family

    def _process(self) -> Iterator[Metric]:
        import psutil  # measured when asked for

        about = psutil.Process()
        yield GaugeMetricFamily(
            "technic_process_resident_bytes", "Memory held.", about.memory_info().rss
        )
        times = about.cpu_times()
        yield CounterMetricFamily(
            "technic_process_cpu_seconds", "Processor time.", times.user + times.system
        )
        yield GaugeMetricFamily("technic_process_threads", "Threads.", about.num_threads())
        if hasattr(about, "num_fds"):
            yield GaugeMetricFamily("technic_process_open_fds", "Descriptors.", about.num_fds())
