"""The outside world comes in."""
