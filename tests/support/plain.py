"""Sizes of inputs for definitions that run as plain Python, where a bar takes as long as thousands.

What is looked for there is a definition that means another thing than its compiled code; the
breadth of inputs is for the compiled code, which every test runs too.
"""

from __future__ import annotations

from technic.indicators.kernel.loader import is_plain


def sized(compiled: int, plain: int) -> int:
    """How many symbols or examples: of compiled code, or of plain Python."""
    return plain if is_plain() else compiled
