"""Whether this installation works, and what to do if it does not."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from datetime import UTC, datetime
from typing import Any

import polars as pl

from technic.data.ingest.untold import untold_in_store
from technic.data.store import Store
from technic.data.store.clock import CLOCK_SLACK
from technic.data.store.integrity import examine_files, sessions_of
from technic.data.store.rows import rows_known_after
from technic.data.store.vacuum import vacuum
from technic.errors import TechnicError, counted, first_line
from technic.indicators.kernel.loader import compiled
from technic.runtime.settings import Settings
from technic.runtime.version import __version__

LOW_DISK = 1 << 30


def examine(store: Store, settings: Settings, *, deep: bool = False) -> list[dict[str, Any]]:
    """Check an installation and its store.

    Parameters
    ----------
    deep : hold every file of the store against its digest as well, and look for splits that nobody
        told; that reads all of them.
        Otherwise sizes, seals of records and checksums of panels are looked at

    Returns
    -------
    list
        One entry for each check: `what` was checked, whether it is `ok`, and the `detail` that
        says what was seen or what to do.
    """
    files = _files(store, deep=deep)  # before anything mends itself
    return [
        _check("technic", True, f"{__version__}, Python {platform.python_version()}"),
        _check("platform", sys.maxsize > 1 << 32, f"{platform.system()} {platform.machine()}"),
        _compiled(settings),
        *_store(store),
        *_clock(store),
        *_spare(store, settings),
        *files,
        *(_sealed(store, settings) if deep else []),
        *(_untold(store) if deep else []),
        *_shared_cache(settings),
        _disk(store),
    ]


def _files(store: Store, *, deep: bool) -> list[dict[str, Any]]:
    """Every file that is not what was written, and what a repair would fetch."""
    try:
        if not store.version().number:
            return []
    except TechnicError:
        pass  # the record is told of with the others
    examined = examine_files(store, contents=deep)
    seen = "each as it was written" if deep else "each of the right size; --deep reads them all"
    detail = f"{counted(examined.files, 'file')}, {examined.bytes / 1e6:,.1f} MB, {seen}"
    if examined.undigested:
        detail += f"; {examined.undigested} old versions kept no digests and cannot be checked"
    if not examined.damage:
        return [_check("files", True, detail)]
    asks, lost = sessions_of(store, examined.damage)
    rows = [_check("file", False, str(damage)) for damage in examined.damage]
    days = sorted({about.split("/")[0] for _, about in asks})
    if days:
        repair = f"{len(asks)} asks, {days[0]} to {days[-1]}: technic sync --repair"
        rows.append(_check("would fetch again", False, repair))
    return rows + [_check("cannot be fetched", False, text) for text in lost]


def _sealed(store: Store, settings: Settings) -> list[dict[str, Any]]:
    """Cards, evidence, runs, trials and saved scans that are not what was written down."""
    from technic.operations.sealed_files import sealed_troubles  # brings SQL and models

    try:
        troubles = list(sealed_troubles(store, settings))
    except TechnicError as error:
        troubles = [first_line(error)]
    if not troubles:
        said = "cards, evidence, runs, trials and saved scans, each as it was written"
        return [_check("seals", True, said)]
    return [_check("seal", False, text) for text in troubles]


def _untold(store: Store) -> list[dict[str, Any]]:
    """Nights that look like a split which nobody told: a suspicion, and no fault of the store."""
    try:
        lines = untold_in_store(store, store.version())
    except TechnicError:  # said by the check of the store
        return []
    return [_check("split?", True, text) for text in lines]


def _shared_cache(settings: Settings) -> list[dict[str, Any]]:
    """Whether a cache server answers and shares our secret."""
    rows = []
    for tier in settings.cache.tiers:
        if hasattr(tier, "check"):
            state = tier.check()
            rows.append(_check(f"cache {tier.name}", state.startswith("answers"), state))
    return rows


def _check(what: str, ok: bool, detail: str) -> dict[str, Any]:
    return {"what": what, "ok": ok, "detail": detail}


def _compiled(settings: Settings) -> dict[str, Any]:
    if compiled(settings.kernels):
        return _check("compiled indicators", True, f"ready in {settings.kernels}")
    return _check("compiled indicators", True, "not yet; the first scan compiles them, once")


def _store(store: Store) -> list[dict[str, Any]]:
    try:
        version = store.require()
        panel = store.panel().panel
    except TechnicError as error:
        return [_check("store", False, str(error))]
    writable = os.access(store.folder, os.W_OK)
    detail = f"{version.first} to {version.last}, {counted(len(panel), 'symbol')}, {counted(panel.n_bars, 'bar')}"
    return [
        _check("store", True, detail),
        _check("store writable", True, "yes" if writable else "no: read-only, scans work"),
    ]


def _clock(store: Store) -> list[dict[str, Any]]:
    """Rows that are known from the future on: a clock was wrong when they came in."""
    try:
        version, now = store.version(), datetime.now(UTC) + CLOCK_SLACK
        if version.is_simulated:
            return []
        late = rows_known_after(store.tables, version, now)
    except TechnicError:  # said by the check of the store
        return []
    return [_check(f"clock, {name}", False, _from_the_future(rows)) for name, rows in late.items()]


def _from_the_future(rows: pl.DataFrame) -> str:
    earliest = rows["known_at"].min()
    assert isinstance(earliest, datetime)
    return (
        f"{counted(rows.height, 'row')} known only from {earliest:%Y-%m-%d %H:%M} UTC on "
        f"({_examples(rows)}): the clock was wrong when they came in, or is behind now. What comes "
        "in later counts all the same; a scan of a past session does not see them. Once the clock is "
        "right: technic doctor --date-rows"
    )


def _spare(store: Store, settings: Settings) -> list[dict[str, Any]]:
    """How much a vacuum would free."""
    try:
        found = vacuum(store, settings, dry_run=True)
    except (TechnicError, OSError):  # said by the check of the store
        return []
    return [_check("to be freed", True, f"{found.summary}: technic vacuum")] if found.bytes else []


def _examples(rows: pl.DataFrame) -> str:
    """The first few of some rows, by what they are about."""
    names = [n for n in ("security_id", "symbol", "kind", "session", "last") if n in rows.columns]
    shown = [" ".join(str(v) for v in row) for row in rows.head(3).select(names).iter_rows()]
    return ", ".join(shown) + (", …" if rows.height > len(shown) else "")


def _disk(store: Store) -> dict[str, Any]:
    folder = store.folder
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    detail = f"{free / (1 << 30):.1f} GiB free at {folder}"
    return _check("disk", free > LOW_DISK, detail)
