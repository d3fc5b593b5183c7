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
from collections.abc import Iterator, Sequence
from functools import cache
from time import monotonic

import numpy as np

from technic.compute.column_cache import ColumnCache
from technic.data.store.mapped_panel import MappedPanel
from technic.market.typing import FloatArray
from technic.runtime.cache import key_of
from technic.runtime.executors import DEFAULT, Executor, Work, open_executor, spans
from technic.runtime.executors.protocol import GIVEN_UP
from technic.runtime.settings import Settings
from technic.scanner.columns.plugin_registry import Plugin, plugin_named
from technic.scanner.columns.plugin_worker import LIMIT, MOST_SLOW, SLOW
from technic.scanner.columns.source import LoadedColumns, SessionView

PREFIX, SUFFIX = "python('", "')"  # around the plugin's name, in the canonical form of a question
STRETCH = 256  # symbols of a part
PATIENCE = 20.0  # seconds of a part
MEMORY = 1 << 30  # bytes
PAUSE = 600.0  # seconds for which a plugin that was given up is not tried again
_PAUSED: dict[str, tuple[float, str]] = {}  # digest → until when, and why


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
        "technic.scanner.columns.plugin_worker:run_part",
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
