"""What a file's name says of the symbol that it holds, where no column does.

A name is a symbol in capitals, perhaps with what browsers, people and vendors put behind it. What
is left must be a symbol as exchanges write them: a word of small letters may be any word.
"""

from __future__ import annotations

import re

STOOQ_WEB = r"(?P<symbol>[a-z0-9.\-]+)_us_d"
PLAIN_STEM = r"(?P<symbol>[A-Z][A-Z0-9]{0,5}([.\-][A-Z]{1,2})?)"
# Behind a sign or a blank: copies of copies, what kind of file it is, and days.
ADDED = re.compile(
    r"""(?ix)
    ( \s* \( \d+ \)
    | [\s_\-]+ ( copy | kopie | copie ) ( [\s_\-]* ( \d+ | \(\d+\) ) )?
    | [\s_\-]+ ( daily | day | 1d | 1day | d1 | eod | ohlcv? | prices? | quotes? | history | historical
        | hist | data | bars | candles | stocks? | max | raw | full | adj | adjusted | unadjusted )
    | [\s_\-]+ ( (19|20)\d\d ( [_\-.]? \d\d ( [_\-.]? \d\d )? )? )
    | [\s_\-]+ ( to | from | bis | until )
    )$""",
)
# Names of files that look like symbols, and that no company has.
NO_SYMBOLS = frozenset(
    ("BARS", "PRICES", "PRICE", "QUOTES", "QUOTE", "HISTORY", "EXPORT", "STOCKS", "DAILY", "OHLC",
     "OHLCV", "TABLE", "SHEET", "SHEET1", "EOD")
)  # fmt: skip


def bare_stem(stem: str) -> str:
    """A file's own name without what was added behind the symbol.

    Parameters
    ----------
    stem : the name without folders and endings

    Examples
    --------
    >>> bare_stem("KO (1)"), bare_stem("KO - Copy (2)"), bare_stem("KO_daily_2020-01-01_2024-12-31")
    ('KO', 'KO', 'KO')
    >>> bare_stem("BRK-B"), bare_stem("daily"), bare_stem("acme_us_d")
    ('BRK-B', 'daily', 'acme_us_d')
    """
    while (shorter := ADDED.sub("", stem)) != stem and shorter:
        stem = shorter
    return stem
