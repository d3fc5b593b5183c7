"""Scores that users write in Python: one function per symbol, in processes that may crash.

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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib import import_module, invalidate_caches
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from threading import current_thread, main_thread
from time import monotonic
from typing import Any

import numpy as np

from technic.compute.column_cache import ColumnCache
from technic.data.store.mapped_panel import MappedPanel
from technic.errors import ConfigError, StoreError
from technic.market.panel import FIELDS, Panel
from technic.market.sessions import nyse
from technic.market.typing import FloatArray
from technic.runtime.cache import key_of
from technic.runtime.executors import DEFAULT, Executor, Work, open_executor, spans
from technic.runtime.executors.protocol import GIVEN_UP, Shared
from technic.runtime.settings import Settings, write_settings
from technic.scanner.columns.source import LoadedColumns, SessionView

GROUP = "technic.scores"
PREFIX, SUFFIX = "python('", "')"  # around the plugin's name, in the canonical form of a question
STRETCH = 256  # symbols of a part
PATIENCE = 20.0  # seconds of a part
LIMIT = 2  # seconds of one symbol, where Python itself can be interrupted
MEMORY = 1 << 30  # bytes
SLOW = "TimeoutError"  # how the trouble of a symbol begins that took too long
MOST_SLOW = 32  # symbols that may take too long before the others are given up
PAUSE = 600.0  # seconds for which a plugin that was given up is not tried again
_PAUSED: dict[str, tuple[float, str]] = {}  # digest → until when, and why
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


def installed_plugins(settings: Settings) -> list[Plugin]:
    """List every plugin that is installed, by name; none of them is imported."""
    pinned = _pinned(settings)
    plugins = {}
    for entry in entry_points(group=GROUP):
        digest = digest_of_module(entry.value.partition(":")[0])
        plugins[entry.name] = Plugin(
            entry.name, entry.value, digest, bool(digest) and pinned.get(entry.name) == digest
        )
    return [plugins[name] for name in sorted(plugins)]


def plugin_named(settings: Settings, name: str) -> Plugin:
    """Return a plugin that may run.

    Raises
    ------
    ConfigError
        If none of that name is installed, or its user has not trusted these very files.
    """
    plugins = {plugin.name: plugin for plugin in installed_plugins(settings)}
    if name not in plugins:
        names = ", ".join(plugins) or "none"
        raise ConfigError(f"python('{name}'): no such plugin is installed; there are: {names}")
    plugin = plugins[name]
    if not plugin.trusted:
        changed = name in _pinned(settings)
        why = "has changed since you trusted it" if changed else "is code that you have not trusted"
        raise ConfigError(f"python('{name}') {why}; read it, then: technic plugins trust {name}")
    return plugin


def trust(settings: Settings, name: str, *, trusted: bool = True) -> Plugin:
    """Let a plugin run as it is now, or no longer; written into the user's settings.

    Parameters
    ----------
    settings : whose file is changed
    name : of the plugin
    trusted : whether its files, as they are now, may run

    Returns
    -------
    Plugin
        As it is from now on.

    Raises
    ------
    ConfigError
        If it is to be trusted and none of that name is installed.
    """
    plugins = {plugin.name: plugin for plugin in installed_plugins(settings)}
    if trusted and (name not in plugins or not plugins[name].digest):
        raise ConfigError(f"{name}: no such plugin is installed; there are: {', '.join(plugins)}")
    pinned = _pinned(settings)
    pinned.pop(name, None)
    if trusted:
        pinned[name] = plugins[name].digest
    write_settings(settings, plugins=",".join(f"{k}@{v}" for k, v in sorted(pinned.items())))
    return plugins.get(name, Plugin(name, "", "", trusted=False))


class Plugins:
    """Scores of the user's own: columns named `python('name')`."""

    is_cacheable = False  # the code may change; a column is kept by view and digest of the code

    def gives(self, name: str) -> bool:
        """Return whether a name is that of a plugin's column."""
        return name.startswith(PREFIX)

    def load(self, names: Sequence[str], view: SessionView) -> LoadedColumns:
        """Load what plugins say of every symbol, and a note for each kind of trouble.

        Raises
        ------
        ConfigError
            If a plugin is not installed, or its user has not trusted these very files.
        """
        columns, notes = {}, []
        for name in names:
            plugin = plugin_named(view.settings, name[len(PREFIX) : -len(SUFFIX)])
            columns[name], troubles = _plugin_column(plugin, view.panel_view, view.settings)
            notes += [f"{name}: {text}" for text in troubles]
        return LoadedColumns(columns, tuple(notes))


def column_name(plugin: str) -> str:
    """Return the name of a plugin's column, as questions spell it."""
    return f"{PREFIX}{plugin}{SUFFIX}"


def _plugin_column(
    plugin: Plugin, view: MappedPanel, settings: Settings
) -> tuple[FloatArray, list[str]]:
    """What a plugin says of every symbol of a view, and a line for each kind of trouble."""
    cache = ColumnCache(settings.cache, len(view))
    keys = {plugin.name: key_of("python", plugin.digest, plugin.target, view.name)}
    columns = cache.recall(keys)
    if columns:
        return columns[plugin.name], []
    panel = view.panel
    symbols = view.who["symbol"].to_list()
    until, why = _PAUSED.get(plugin.digest, (0.0, ""))
    if monotonic() < until:
        unknown = np.full(len(symbols), np.nan)
        return unknown, list(_count_troubles([(symbol, why) for symbol in symbols]))
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
    given_up = next((why for _, why in troubles if why.startswith(GIVEN_UP)), "")
    if given_up:
        _PAUSED[plugin.digest] = (monotonic() + PAUSE, given_up)
    if not troubles:  # a process that was lost today may live tomorrow
        cache.keep(keys, {plugin.name: column}, cost=500.0)
    return column, list(_count_troubles(troubles))


def _gather(
    executor: Executor, work: Work, symbols: list[str]
) -> tuple[FloatArray, list[tuple[str, str]]]:
    """The column that the parts make up, and per symbol in trouble what happened to it."""
    column = np.full(len(symbols), np.nan)
    troubles: list[tuple[str, str]] = []
    slow = 0
    for done in executor.map(work, spans(len(symbols), STRETCH)):
        if done.answer is None:
            troubles += [(symbol, done.lost) for symbol in symbols[done.first : done.last]]
            continue
        column[done.first : done.last] = done.answer["values"]
        troubles += [(symbol, why) for symbol, why in done.answer["troubles"]]
        slow += sum(why.startswith(SLOW) for _, why in done.answer["troubles"])
        if slow >= MOST_SLOW:
            why = f"{GIVEN_UP} after {slow} symbols took longer than {LIMIT} s"
            return column, troubles + [(symbol, why) for symbol in symbols[done.last :]]
    return column, troubles


def _count_troubles(troubles: list[tuple[str, str]]) -> Iterator[str]:
    """A line for each reason: how many symbols, and which."""
    by_reason: dict[str, list[str]] = {}
    for symbol, why in troubles:
        by_reason.setdefault(why, []).append(symbol)
    for why, symbols in by_reason.items():
        shown = ", ".join(symbols[:5]) + (" …" if len(symbols) > 5 else "")
        yield f"unknown for {len(symbols):,} ({shown}): {why}"


@cache
def _executor(url: str) -> Executor:
    """The executor of plugins, left open for the next question; what may crash never runs here."""
    executor = open_executor(DEFAULT if url.startswith(("inline", "threads")) else url)
    atexit.register(executor.close)
    return executor


def digest_of_module(module: str) -> str:
    """Return a digest of every Python file of a module's top-level package, importing none.

    Empty if the package cannot be found.
    """
    try:
        spec = find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    roots = [Path(place) for place in spec.submodule_search_locations or ()]
    files = [path for root in roots for path in sorted(root.rglob("*.py"))]
    if not files and spec.origin and spec.has_location:  # a module built into Python has no file
        files = [Path(spec.origin)]
    digest = blake2b(digest_size=16)
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest() if files else ""


def _pinned(settings: Settings) -> dict[str, str]:
    """Digests the user has trusted, by name."""
    parts = settings.value("plugins").split(",")
    return {name: digest for name, at, digest in (p.partition("@") for p in parts) if at}


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
