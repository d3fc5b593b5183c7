"""What a server sees of itself: counted for Prometheus, sampled for pages, kept for tomorrow."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from technic.scanner.pipeline import ScanResult
from technic.scanner.report import Report

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
RECENT = 512  # scans that percentiles are taken of
LINES = 60  # of the log


class Observed:
    """Counters, histograms and samples of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "technic_request_seconds",
            "Requests answered.",
            ("route", "status"),
            registry=self.registry,
            buckets=SECONDS,
        )
        self.stages = Histogram(
            "technic_stage_seconds",
            "Stages of scans.",
            ("stage",),
            registry=self.registry,
            buckets=SECONDS,
        )
        self.scans = Counter("technic_scans", "Scans answered.", registry=self.registry)
        self.errors = Counter(
            "technic_errors", "Errors, by what they were.", ("what",), registry=self.registry
        )
        self._recent: deque[tuple[float, int]] = deque(maxlen=RECENT)
        self._stages: dict[str, deque[float]] = {}
        self._since: deque[float] = deque(maxlen=RECENT)  # latencies since the last measures
        self._lines: deque[dict[str, Any]] = deque(maxlen=LINES)
        import psutil  # on Linux it needs a POSIX module of its own

        self._process = psutil.Process()
        self._sampled: dict[str, float] = {}
        self._n_scans = self._n_errors = self._n_requests = 0
        self._ear = _Ear(self._lines)

    def start(self) -> None:
        """Begin to listen to the log."""
        logging.getLogger("technic").addHandler(self._ear)
        self._process.cpu_percent(None)

    def stop(self) -> None:
        """Listen no more."""
        logging.getLogger("technic").removeHandler(self._ear)

    def scanned(self, report: Report, ms: float) -> None:
        """Take note of a scan."""
        self._noted(report.timings, report.ledger_book.total, ms)

    def evaluated(self, section: ScanResult, ms: float) -> None:
        """Take note of a question whose whole ranking was asked for."""
        self._noted(section.timings, section.ledger.total, ms)

    def _noted(self, timings: Mapping[str, float], symbols: int, ms: float) -> None:
        self.scans.inc()
        self._n_scans += 1
        self._recent.append((ms, symbols))
        self._since.append(ms)
        for stage, took in timings.items():
            self.stages.labels(stage).observe(took / 1e3)
            self._stages.setdefault(stage, deque(maxlen=RECENT)).append(took)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Take note of a request."""
        self.requests.labels(route, f"{status // 100}xx").observe(seconds)
        self._n_requests += 1
        if status >= 500 and status != 503:
            self.trouble(f"{route} answered {status}")

    def trouble(self, text: str) -> None:
        """Take note of something that went wrong."""
        self._n_errors += 1
        self.errors.labels("server").inc()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        if not self._lines or self._lines[-1]["text"] != text:
            self._lines.append({"at": now, "level": "error", "from": "technic.http", "text": text})

    def sample(self) -> None:
        """Look at the process."""
        about = self._process
        with about.oneshot():
            self._sampled = {
                "cpu_pct": about.cpu_percent(None),
                "rss_mb": round(_own(about.memory_info()) / 1e6, 1),
                "threads": about.num_threads(),
            }
        if hasattr(about, "num_fds"):
            self._sampled["fds"] = about.num_fds()

    def pulse(self) -> dict[str, Any]:
        """The newest sample, and what scans took."""
        times = sorted(ms for ms, _ in self._recent)
        per_symbol = [1e3 * ms / n for ms, n in self._recent if n]
        return {
            "process": self._sampled,
            "scans": {
                "count": self._n_scans,
                "p50_ms": _at(times, 0.5),
                "p95_ms": _at(times, 0.95),
                "us_per_symbol": _at(sorted(per_symbol), 0.5),
                "stages": {
                    name: {"p50_ms": _at(sorted(held), 0.5), "p95_ms": _at(sorted(held), 0.95)}
                    for name, held in self._stages.items()
                },
            },
            "errors": self._n_errors,
            "requests": self._n_requests,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Warnings and errors of late, newest first."""
        return list(reversed(self._lines))

    def measures(self) -> dict[str, float]:
        """What is kept of the last minute."""
        times = sorted(self._since)
        self._since.clear()
        measures = {
            "scan_p50_ms": _at(times, 0.5),
            "scan_p95_ms": _at(times, 0.95),
            "rss_mb": self._sampled.get("rss_mb"),
            "cpu_pct": self._sampled.get("cpu_pct"),
            "errors": float(self._n_errors),
            "scans": float(len(times)),
        }
        return {name: value for name, value in measures.items() if value is not None}


class _Ear(logging.Handler):
    """Keeps warnings and errors of the log, redacted as the log is."""

    def __init__(self, lines: deque[dict[str, Any]]) -> None:
        super().__init__(logging.WARNING)
        self._kept = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self._kept.append(
            {
                "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds"),
                "level": record.levelname.lower(),
                "from": record.name,
                "text": record.getMessage()[:500],
            }
        )


def _own(info: Any) -> int:
    """Bytes that the process shares with nobody: mapped files are everybody's."""
    return int(info.rss) - int(getattr(info, "shared", 0))


def _at(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 3)
