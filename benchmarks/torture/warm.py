"""Imports everything once, for processes that fork another for each of thousands of trials.

Nothing is called: whatever a command keeps in memory, it makes in its own process.
"""

from __future__ import annotations

import importlib
import pkgutil
from contextlib import suppress

import technic

# The compiler's and the workers' modules, and what starts a cluster: no trial imports them.
LEFT_OUT = ("vector_types", "kernel.compile", "executors.", "__main__")


def import_all() -> None:
    """Import every module of technic whose needs are installed."""
    for module in pkgutil.walk_packages(technic.__path__, "technic."):
        if not any(part in module.name for part in LEFT_OUT):
            with suppress(ImportError):
                importlib.import_module(module.name)
