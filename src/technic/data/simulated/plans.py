"""What keys to a simulated vendor may do."""

from __future__ import annotations

from dataclasses import dataclass

from technic.errors import ConfigError


@dataclass(frozen=True, slots=True)
class VendorPlan:
    """What a key may do.

    Attributes
    ----------
    calls : in `period` seconds; 0 for no limit
    history_days : how far back bars reach; None for all there are
    today : whether the session of today is included
    snapshots : whether snapshots and flat files are
    """

    calls: int = 0
    period: float = 60.0
    history_days: int | None = None
    today: bool = True
    snapshots: bool = True


PLANS = {
    "none": VendorPlan(),
    "basic": VendorPlan(5, 60.0, 730, today=False, snapshots=False),
    "starter": VendorPlan(100, 1.0, 1_826),
    "developer": VendorPlan(100, 1.0, 3_652),
    "advanced": VendorPlan(100, 1.0),
}


def plan_of(text: str) -> VendorPlan:
    """A plan by name, or `20/60`: so many calls in so many seconds.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    if text in PLANS:
        return PLANS[text]
    calls, _, seconds = text.partition("/")
    try:
        return VendorPlan(int(calls), float(seconds))
    except ValueError as error:
        raise ConfigError(f"plan {text}: there are {', '.join(PLANS)}, or e.g. 20/60") from error
