"""What errors say to whoever asks over HTTP or as an agent: one line, and no folder of ours."""

from __future__ import annotations

import re

from technic.errors import first_line

LONGEST = 1_000  # characters of what an error says
FOLDERS = re.compile(r"\A/(?:[^:]*/)?(?=[^:/]+: )|(?<![\w/.])/(?:[\w.@~+-]+/)+(?=[\w.@~+-])")


def outside(error: BaseException) -> str:
    """What an error says, in one line that strangers may read."""
    return shortened(without_folders(first_line(error)))


def without_folders(text: str) -> str:
    """A text whose absolute paths are their last names: where our files lie is nobody's business.

    Examples
    --------
    >>> without_folders("/home/me/my stores/demo: holds no bars; see /var/log/technic/a.log")
    'demo: holds no bars; see a.log'
    >>> without_folders("ret(5) / ret(21) is a number")
    'ret(5) / ret(21) is a number'
    """
    return FOLDERS.sub("", text)


def shortened(text: str, most: int = LONGEST) -> str:
    """A text's beginning, where all of it would be too long to show."""
    return text if len(text) <= most else f"{text[:most]}…"
