"""A name for the code that scores are made of."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from pathlib import Path

from technic.market import cross_section, items


@cache
def digest() -> str:
    """The name of the scores: of every file of this package, and of what they are made with.

    Returns
    -------
    str
        16 hexadecimal digits. Values under another digest may differ.
    """
    paths = sorted(Path(__file__).parent.glob("*.py"))
    paths += [Path(module.__file__ or "") for module in (items, cross_section)]
    return blake2b(b"\0".join(path.read_bytes() for path in paths), digest_size=8).hexdigest()
