"""Whether this installation works, and what to do if it does not."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from typing import Any

from technic import __version__
from technic.config import Settings
from technic.errors import TechnicError
from technic.indicators.native import compiled
from technic.store import Store

LOW_DISK = 1 << 30


def examine(store: Store, settings: Settings) -> list[dict[str, Any]]:
    """One entry per check: `what`, `ok`, `detail`."""
    return [
        _check("technic", True, f"{__version__}, Python {platform.python_version()}"),
        _check("platform", sys.maxsize > 1 << 32, f"{platform.system()} {platform.machine()}"),
        _compiled(settings),
        *_store(store),
        _disk(store),
    ]


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
    detail = f"{version.first} to {version.last}, {len(panel):,} symbols, {panel.n_bars:,} bars"
    return [
        _check("store", True, detail),
        _check("store writable", True, "yes" if writable else "no: read-only, scans work"),
    ]


def _disk(store: Store) -> dict[str, Any]:
    folder = store.folder
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    detail = f"{free / (1 << 30):.1f} GiB free at {folder}"
    return _check("disk", free > LOW_DISK, detail)
