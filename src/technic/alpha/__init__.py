"""A learned column, and the evidence that it is owed: so far, how trees are read and evaluated.

`forest` holds boosted trees as arrays and evaluates them in compiled code; the same arrays go to a
graphics card through `extras.gpu`.
"""
