"""The outside world comes in: one file per vendor, one polite HTTP client."""

from __future__ import annotations
