"""Learned forecasts: the data set, walk-forward, measures, the gate, canaries, and training."""
