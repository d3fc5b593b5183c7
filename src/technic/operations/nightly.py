"""The nightly job: sync, every saved scan, what changed, a check of the answers, alerts.

`daily` runs the steps, `_step` lets the next one run whatever became of the one before. Each step leaves what it did behind, so that a loop that was stopped anywhere can simply be run
again: nothing is asked twice, nobody is told twice, and a night that was missed is caught up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from time import perf_counter

from technic.data.ingest.sync import Synced
from technic.data.store import Store
from technic.data.store.vacuum import Vacuumed, vacuum
from technic.errors import StoreError, TechnicError, first_line
from technic.operations.alerts.book import Alert, AlertBook, crossings, with_crossings
from technic.operations.alerts.channels import Channel
from technic.operations.alerts.delivery import Delivered, deliver
from technic.operations.attendance import roll_of_session, unseen_of
from technic.operations.metrics import save_metrics
from technic.operations.saved_scans import Saved, saved_scans
from technic.operations.spot_check import Accuracy, check_accuracy
from technic.runtime.files import alone
from technic.runtime.settings import Settings
from technic.scanner.inspect.diff import Difference, difference, session_before
from technic.scanner.report import Report
from technic.scanner.scan import scan
from technic.scanner.spec.scan_file import ScanFile

Keep = Callable[[str, Report, Difference | None], None]
CHECKED = 50  # symbols recomputed each night


@dataclass
class Scanned:
    """One saved scan of the night.

    Attributes
    ----------
    name : under which it is saved
    report : its answer; None where `trouble` says why there is none
    difference : from the session before; None on the first session of a store
    alerts : what the difference gave rise to
    trouble : what went wrong, in one line; empty if nothing did
    """

    name: str
    report: Report | None = None
    difference: Difference | None = None
    alerts: list[Alert] = field(default_factory=list)
    trouble: str = ""


@dataclass
class Night:
    """What one run of the nightly job did; a step that failed left None.

    Attributes
    ----------
    as_of : the newest session of the store
    synced : what was brought in; None if nothing was to be
    scans : every saved scan
    accuracy : how many values of random symbols were off
    delivered : what became of alerts
    vacuumed : what the store no longer needed
    trouble : what went wrong in one line, by step; the job went on with what there was
    seconds : what each step took, by its name
    """

    as_of: date | None = None
    synced: Synced | None = None
    scans: list[Scanned] = field(default_factory=list)
    accuracy: Accuracy | None = None
    delivered: Delivered | None = None
    vacuumed: Vacuumed | None = None
    trouble: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every step did what it should."""
        wrong = self.accuracy is not None and self.accuracy.off > 0
        missed = self.synced is not None and bool(self.synced.failed)
        return (
            not self.trouble
            and not wrong
            and not missed
            and not any(scanned.trouble for scanned in self.scans)
        )


def daily(
    store: Store,
    settings: Settings,
    *,
    sync: Callable[[], Synced] | None,
    channels: Mapping[str, Channel],
    keep: Keep = lambda _name, _report, _difference: None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    checked: int = CHECKED,
) -> Night:
    """Do everything that is to be done once a session is over.

    Parameters
    ----------
    sync : brings the session in; None to go by what is stored
    channels : where alerts go, by name
    keep : is given every report, to be written where people look
    clock : what time it is, UTC
    checked : how many symbols are recomputed by the slow reference

    Raises
    ------
    StoreError
        If another nightly job runs, or there is nothing stored at all.
    """
    with alone(store.folder, "daily"):
        night = Night()
        if sync is not None:
            with _step(night, "sync"):
                night.synced = sync()
        night.as_of = store.require().last
        book = AlertBook(store.catalog)
        with _step(night, "scan"):
            for saved in saved_scans(settings):
                night.scans.append(_scan_saved(store, settings, saved, book, keep, clock()))
        with _step(night, "check"):
            night.accuracy = check_accuracy(store, settings, checked)
        with _step(night, "alert"):
            night.delivered = deliver(store.catalog, channels, store.folder, clock)
        with _step(night, "vacuum"):
            night.vacuumed = vacuum(store, settings)
        with _step(night, "measure"):
            save_metrics(store.catalog, _metrics(night), datetime.now(UTC))
    return night


@contextmanager
def _step(night: Night, name: str) -> Iterator[None]:
    """A step whose failure is written down, and does not stop the next."""
    since = perf_counter()
    try:
        yield
    except (TechnicError, OSError) as error:
        night.trouble[name] = first_line(error)
    finally:
        night.seconds[name] = perf_counter() - since


def _scan_saved(
    store: Store, settings: Settings, saved: Saved, book: AlertBook, keep: Keep, now: datetime
) -> Scanned:
    """Run one saved scan and compare it with the session before; trouble stays with it."""
    scanned = Scanned(saved.name)
    if saved.file is None:
        scanned.trouble = saved.trouble
        return scanned
    try:
        file = with_crossings(saved.file)
        scanned.report = scan(store, file=file, settings=settings)
        try:
            day = session_before(store, scanned.report.as_of)
            before = scan(store, as_of=day, file=file, settings=settings)
            scanned.difference = difference(before, scanned.report, crossings(file))
        except StoreError:
            scanned.difference = None  # the first session of a store
        _remember(store, saved.name, scanned.report)
        keep(saved.name, scanned.report, scanned.difference)
        _tell(store, scanned, file, book, now)
    except (TechnicError, OSError) as error:
        scanned.trouble = first_line(error)
    return scanned


def _tell(store: Store, scanned: Scanned, file: ScanFile, book: AlertBook, now: datetime) -> None:
    """Keep what changed as alerts, if enough of the session is stored to tell anybody of it.

    While bars of a session are not final, a symbol that lacks one has not left.
    """
    assert scanned.report is not None
    version = store.require()
    view = store.panel(version=version)
    roll = roll_of_session(view)
    if not roll.whole:
        scanned.trouble = f"{view.as_of}: {roll.state}: nobody is told; sync again"
        return
    is_over = version.settled is None or view.as_of <= version.settled
    unseen = frozenset[int]() if is_over else unseen_of(view)
    scanned.alerts = book.observe(scanned.name, file, scanned.report, now, unseen)


def _remember(store: Store, name: str, report: Report) -> None:
    """Keep a night's manifest, once: the track record is made from it."""
    seal = report.manifest["seal"]
    if not any(run["kind"] == "daily" and run["seal"] == seal for run in store.catalog.runs()):
        store.catalog.record_run("daily", name, report.as_of, report.manifest, datetime.now(UTC))


def _metrics(night: Night) -> dict[str, float]:
    values = {f"daily_{name}_s": took for name, took in night.seconds.items()}
    if night.accuracy is not None:
        values["accuracy_values"] = night.accuracy.values
        values["accuracy_off"] = night.accuracy.off
    values["daily_errors"] = len(night.trouble) + sum(
        bool(scanned.trouble) for scanned in night.scans
    )
    return values
