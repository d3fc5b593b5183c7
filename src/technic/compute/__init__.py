"""Indicator programs over panels: the last bar, every bar, as known then, on an executor."""
