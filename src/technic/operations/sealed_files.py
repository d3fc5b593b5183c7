"""Whether everything that is believed is what was written down: `technic doctor --deep`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from technic.data.store import Store
from technic.data.store.evidence import evidence_trouble
from technic.errors import TechnicError, first_line
from technic.operations.saved_scans import saved_scans
from technic.research.trials import trials
from technic.runtime.settings import Settings
from technic.scanner.alpha.registry import active_model, load_model, registered


def sealed_troubles(store: Store, settings: Settings) -> Iterator[str]:
    """One line for each thing that cannot be believed, with what to do.

    Parameters
    ----------
    store : whose record of seals, trials, runs, models and evidence are read
    settings : whose saved scans are read
    """
    catalog = store.catalog
    yield from _trouble(catalog.check_seals)
    yield from _trouble(lambda: trials(store))
    for number in [run["id"] for run in catalog.runs()]:
        yield from _trouble(lambda number=number: catalog.run(number))  # type: ignore[misc]
    for digest in [row["sha256"] for row in registered(store)]:
        yield from _trouble(lambda digest=digest: load_model(store, digest))  # type: ignore[misc]
    yield from _trouble(lambda: active_model(store))
    if text := evidence_trouble(store):
        yield text
    yield from (saved.trouble for saved in saved_scans(settings) if saved.trouble)


def _trouble(look: Callable[[], Any]) -> Iterator[str]:
    try:
        look()
    except TechnicError as error:
        yield first_line(error)
