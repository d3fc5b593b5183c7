"""A security under a symbol that it bears for a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class SymbolSpan:
    """One security under one symbol.

    Attributes
    ----------
    security_id, symbol : the security, and the symbol that it bore
    since, until : first and last day, both included; None while it lasts
    number : 0 for the security's first span that the store met, then 1, 2, …
    """

    security_id: int
    symbol: str
    since: date
    until: date | None
    number: int = 0

    def covers(self, day: date) -> bool:
        """Whether the security bore the symbol on a day."""
        return self.since <= day and (self.until is None or day <= self.until)
