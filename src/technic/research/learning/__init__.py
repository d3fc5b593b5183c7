"""A learned forecast: data set, walk-forward, gate, canaries, card."""
