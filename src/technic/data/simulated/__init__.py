"""A market that never was: seeded, with the habits and the faults of a real one."""

from __future__ import annotations

from technic.data.simulated.market import SimulatedMarket, simulate

__all__ = ["SimulatedMarket", "simulate"]
