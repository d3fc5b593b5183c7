"""Where data comes from: one file per vendor, the user's own files, and one polite HTTP client."""

from __future__ import annotations
