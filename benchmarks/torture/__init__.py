"""Checks that break things on purpose; see __main__."""
