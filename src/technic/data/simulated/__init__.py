"""A simulated market and its vendors: seeded, with the habits and the faults of real ones."""

from __future__ import annotations

from technic.data.simulated.market import SimulatedMarket, simulate

__all__ = ["SimulatedMarket", "simulate"]
