"""Model files: how they are read, what they forecast, and the card that comes with each.

`forest` holds boosted trees as arrays and evaluates them in compiled code; the same arrays go to a
graphics card through `cuda`.
"""
