"""One canary, and how it fared."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Canary:
    """One canary, and how it fared.

    Attributes
    ----------
    name : C1 to C12
    passed : whether nothing is wrong
    found : the number it is about; None if there is none
    said : what was expected, and what was found, in words
    """

    name: str
    passed: bool
    found: float | None
    said: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)
