"""`technic bench`: what a scan takes on this machine, beside what was there before."""

from __future__ import annotations

from technic.operations.bench.timing import Figure, milliseconds

__all__ = ["Figure", "milliseconds"]
