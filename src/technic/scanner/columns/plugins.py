"""Scores that users write in Python: one function per symbol, in processes that may be lost.

    # pyproject.toml of any installed package
    [project.entry-points."technic.scores"]
    steadiness = "mine.scores:steadiness"

    def steadiness(bars):            # bars.close, bars.volume, …: one symbol, oldest first
        return 1.0 / bars.close[-60:].std()

In questions: `python('steadiness') > 2`. A plugin is code: it runs only once its user has said so
(`technic plugins trust`), pinned to the digest of its files. It sees one symbol's bars, up to the
session asked for, which it cannot write to; what it raises, returns amiss, crashes on or hangs on
is unknown for that symbol, counted, and the scan goes on.
"""

from __future__ import annotations

import atexit
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib import import_module, invalidate_caches
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

import numpy as np

from technic.compute.last_bar import column_content, column_of
from technic.data.store.panels import MappedPanel
from technic.errors import ConfigError, StoreError
from technic.market.panel import FIELDS, Panel
from technic.market.sessions import nyse
from technic.market.typing import FloatArray
from technic.runtime.cache import key_of
from technic.runtime.executors import DEFAULT, Executor, Work, open_executor, spans
from technic.runtime.executors.protocol import Shared
from technic.runtime.settings import Settings, write_settings

GROUP = "technic.scores"
STRETCH = 256  # symbols of a part
PATIENCE = 20.0  # seconds of a part
LIMIT = 2  # seconds of one symbol, where Python itself can be interrupted
MEMORY = 1 << 30  # bytes
_IMPORTED: dict[str, str] = {}  # in a worker: package → digest of the files it was imported from


@dataclass(frozen=True, slots=True)
class Plugin:
    """One function that an installed package offers.

    Attributes
    ----------
    target : "module:function"
    digest : of every Python file of its top-level package; empty if it cannot be found
    trusted : whether the user said so of these very files
    """

    name: str
    target: str
    digest: str
    trusted: bool


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


def found(settings: Settings) -> list[Plugin]:
    """Every plugin that is installed, by name; none of them is imported."""
    pinned = _pinned(settings)
    plugins = {}
    for entry in entry_points(group=GROUP):
        digest = digest_of_module(entry.value.partition(":")[0])
        plugins[entry.name] = Plugin(
            entry.name, entry.value, digest, bool(digest) and pinned.get(entry.name) == digest
        )
    return [plugins[name] for name in sorted(plugins)]


def plugin_named(settings: Settings, name: str) -> Plugin:
    """A plugin that may run.

    Raises
    ------
    ConfigError
        If there is none of that name, or the user has not said so of these very files.
    """
    every = {plugin.name: plugin for plugin in found(settings)}
    if name not in every:
        known = ", ".join(every) or "none"
        raise ConfigError(f"python('{name}'): no such plugin is installed; there are: {known}")
    plugin = every[name]
    if not plugin.trusted:
        changed = name in _pinned(settings)
        why = "has changed since you trusted it" if changed else "is code that you have not trusted"
        raise ConfigError(f"python('{name}') {why}; read it, then: technic plugins trust {name}")
    return plugin


def trust(settings: Settings, name: str, *, trusted: bool = True) -> Plugin:
    """Let a plugin run as it is now, or no longer; kept in the user's settings."""
    every = {plugin.name: plugin for plugin in found(settings)}
    if trusted and (name not in every or not every[name].digest):
        raise ConfigError(f"{name}: no such plugin is installed; there are: {', '.join(every)}")
    pinned = _pinned(settings)
    pinned.pop(name, None)
    if trusted:
        pinned[name] = every[name].digest
    write_settings(settings, plugins=",".join(f"{k}@{v}" for k, v in sorted(pinned.items())))
    return every.get(name, Plugin(name, "", "", trusted=False))


def plugin_column(
    name: str, view: MappedPanel, settings: Settings
) -> tuple[FloatArray, tuple[str, ...]]:
    """What a plugin says of every symbol of a view, and a line for each kind of trouble.

    Raises
    ------
    ConfigError
        If it may not run.
    """
    plugin = plugin_named(settings, name)
    key = key_of("python", plugin.digest, plugin.target, view.name)
    held = settings.cache.get(key)
    kept = None if held is None else column_of(held, len(view.panel))
    if kept is not None:
        return kept, ()
    panel = view.panel
    symbols = view.who["symbol"].to_list()
    work = Work(
        "technic.scanner.columns.plugins:run_part",
        {"target": plugin.target, "digest": plugin.digest, "symbols": symbols},
        {
            "bars": panel.bars,
            "places": panel.places,
            "lengths": panel.lengths,
            "security_ids": panel.security_ids,
        },
        patience=PATIENCE,
        memory=MEMORY,
        guarded=True,
    )
    column, troubles = _gather(_executor(settings.value("executor", DEFAULT)), work, symbols)
    if not troubles:
        settings.cache.put(key, column_content(column), cost=500.0)
    return column, tuple(f"python('{name}'): {text}" for text in _counted(troubles))


def _gather(
    executor: Executor, work: Work, symbols: list[str]
) -> tuple[FloatArray, list[tuple[str, str]]]:
    column = np.full(len(symbols), np.nan)
    troubles: list[tuple[str, str]] = []
    for done in executor.map(work, spans(len(symbols), STRETCH)):
        if done.answer is None:
            troubles += [(symbol, done.lost) for symbol in symbols[done.first : done.last]]
            continue
        column[done.first : done.last] = done.answer["values"]
        troubles += [(symbol, why) for symbol, why in done.answer["troubles"]]
    return column, troubles


def _counted(troubles: list[tuple[str, str]]) -> Iterator[str]:
    """A line for each reason: how many symbols, and which."""
    by_reason: dict[str, list[str]] = {}
    for symbol, why in troubles:
        by_reason.setdefault(why, []).append(symbol)
    for why, symbols in by_reason.items():
        shown = ", ".join(symbols[:5]) + (" …" if len(symbols) > 5 else "")
        yield f"unknown for {len(symbols):,} ({shown}): {why}"


@cache
def _executor(url: str) -> Executor:
    """Kept for the next question; what may crash never runs here."""
    made = open_executor(DEFAULT if url.startswith(("inline", "threads")) else url)
    atexit.register(made.close)
    return made


def digest_of_module(module: str) -> str:
    """A digest of every Python file of a module's top-level package, found without importing it."""
    try:
        spec = find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    roots = [Path(place) for place in spec.submodule_search_locations or ()]
    files = [path for root in roots for path in sorted(root.rglob("*.py"))]
    if not files and spec.origin:
        files = [Path(spec.origin)]
    made = blake2b(digest_size=16)
    for path in files:
        made.update(path.name.encode() + b"\0" + path.read_bytes())
    return made.hexdigest() if files else ""


def _pinned(settings: Settings) -> dict[str, str]:
    """Digests the user has trusted, by name."""
    parts = settings.value("plugins").split(",")
    return {name: digest for name, at, digest in (p.partition("@") for p in parts) if at}


def run_part(shared: Shared, first: int, last: int) -> dict[str, Any]:
    """A stretch of symbols, in a process that may be lost."""
    function = _imported(str(shared.job["target"]), str(shared.job["digest"]))
    arrays = shared.arrays
    panel = Panel(arrays["security_ids"], arrays["bars"], arrays["places"], arrays["lengths"])
    values = np.full(last - first, np.nan)
    troubles = []
    for i in range(first, last):
        symbol = shared.job["symbols"][i]
        try:
            with _at_most(LIMIT), np.errstate(all="ignore"):
                values[i - first] = _number(function(_bars(panel, i, symbol)))
        except Exception as error:  # noqa: BLE001 -- whatever it raises is its own trouble
            troubles.append([symbol, f"{type(error).__name__}: {error}"[:120]])
    return {"values": values, "troubles": troubles}


def _imported(target: str, digest: str) -> Callable[[Bars], Any]:
    """The function of these very files; a worker that lives on imports them anew when they change."""
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


def _number(value: Any) -> float:
    """A number, or unknown."""
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
