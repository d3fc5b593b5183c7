"""What an optional dependency brings: one file each, named like the extra."""

from __future__ import annotations
