"""A user's score of a stretch of symbols, in a process that may be lost."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module, invalidate_caches
from threading import current_thread, main_thread
from typing import Any

import numpy as np

from technic.errors import StoreError
from technic.market.panel import FIELDS, Panel
from technic.market.sessions import nyse
from technic.market.typing import FloatArray
from technic.runtime.executors.protocol import Shared
from technic.scanner.columns.plugin_registry import digest_of_module

LIMIT = 2  # seconds of one symbol, where Python itself can be interrupted
SLOW = "TimeoutError"  # how the trouble of a symbol begins that took too long
MOST_SLOW = 32  # symbols that may take too long before the others are given up
_IMPORTED: dict[str, str] = {}  # in a worker: package → digest of the files it was imported from


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of one symbol up to the session asked for, oldest first; not to be written to.

    Attributes
    ----------
    dates : datetime64[D], the sessions
    open, high, low, close : USD, adjusted for the splits known then
    volume : shares
    vwap : USD; NaN where the vendor told none
    """

    symbol: str
    dates: np.ndarray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    vwap: FloatArray


def run_part(shared: Shared, first: int, last: int) -> dict[str, Any]:
    """Score a stretch of symbols, in a process that may be lost.

    Parameters
    ----------
    shared : the plugin's target and digest, the symbols, and the arrays of the panel
    first, last : positions of the symbols

    Returns
    -------
    dict
        `values`, float64 with NaN for unknown, and `troubles`, pairs of symbol and reason.
    """
    function = _import_plugin(str(shared.job["target"]), str(shared.job["digest"]))
    arrays = shared.arrays
    panel = Panel(arrays["security_ids"], arrays["bars"], arrays["places"], arrays["lengths"])
    values = np.full(last - first, np.nan)
    troubles, slow = [], 0
    for i in range(first, last):
        symbol = shared.job["symbols"][i]
        if slow >= MOST_SLOW // 8:  # a part has its own deadline, and would be tried again
            troubles.append([symbol, f"{SLOW}: so did {slow} symbols before it"])
            continue
        try:
            with _at_most(LIMIT), np.errstate(all="ignore"):
                values[i - first] = _score_of(function(_bars(panel, i, symbol)))
        except Exception as error:  # noqa: BLE001 -- whatever it raises is its own trouble
            troubles.append([symbol, f"{type(error).__name__}: {error}"[:120]])
            slow += isinstance(error, TimeoutError)
    return {"values": values, "troubles": troubles}


def _import_plugin(target: str, digest: str) -> Callable[[Bars], Any]:
    """The function of these very files, imported anew where a worker has seen older ones."""
    module, _, name = target.partition(":")
    if digest_of_module(module) != digest:
        raise StoreError(f"{module}: its files have changed since the question was asked")
    package = module.partition(".")[0]
    if _IMPORTED.get(package, digest) != digest:
        for loaded in [key for key in sys.modules if f"{key}.".startswith(f"{package}.")]:
            del sys.modules[loaded]
        invalidate_caches()
    _IMPORTED[package] = digest
    function: Callable[[Bars], Any] = getattr(import_module(module), name)
    return function


def _score_of(value: Any) -> float:
    """What a plugin returned as a number; NaN is unknown."""
    if value is None:
        return math.nan
    if isinstance(value, str | bytes):
        raise TypeError(f"a score is a number, not {type(value).__name__}")
    number = float(value)
    return number if math.isfinite(number) else math.nan


def _bars(panel: Panel, i: int, symbol: str) -> Bars:
    columns = {
        name: np.ascontiguousarray(panel.run(i, name))
        if name in panel.fields
        else np.full(int(panel.lengths[i]), np.nan)
        for name in FIELDS
    }
    dates = nyse().dates[columns.pop("session").astype(np.int64)]
    for column in (*columns.values(), dates):
        column.flags.writeable = False
    return Bars(symbol, dates, **columns)


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """Interrupt Python code that takes longer, on systems and in threads that allow it."""
    import signal  # a worker's business

    if not hasattr(signal, "setitimer") or current_thread() is not main_thread():
        yield
        return

    def late(*_: object) -> None:
        raise TimeoutError(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
