"""What kind of security a listing is, and which listings are shares of one issuer.

A vendor's own word decides; where it says nothing, the words of the listing's name do, most
telling first. A name that says nothing leaves the type unknown: most such names are common
stocks, and guessing so would be a default.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache

from technic.errors import SchemaError
from technic.market.symbols import type_of_symbol

LISTING_TYPES = (
    "common", "adr", "etf", "fund", "preferred", "warrant", "unit", "right", "note", "spac",
    "test", "other",
)  # fmt: skip
OTC = ("OTC", "OTCM", "OOTC", "PINX", "PSGM", "OTCB", "OTCQ", "EXPM")  # market identifier codes

_CODES = {
    "cs": "common", "common stock": "common", "stock": "common", "os": "common",
    "ordinary shares": "common", "nyrs": "adr", "adrc": "adr", "adr": "adr", "adrp": "preferred",
    "adrr": "right", "adrw": "warrant", "gdr": "adr", "etf": "etf", "etv": "etf", "ets": "etf",
    "etp": "etf", "etn": "note", "fund": "fund", "closed-end fund": "fund", "pfd": "preferred",
    "preferred stock": "preferred", "warrant": "warrant", "right": "right", "rights": "right",
    "unit": "unit", "sp": "note", "bond": "note", "agen": "note", "blank check": "spac",
}  # fmt: skip

# What is no plain share: who has it may buy one, or it is made of several, or it is managed.
OTHERS = (
    r"\b(each|warrants?|consisting|exercisable|represent\w*|entitl\w+|purchase|preferred|preference|pref|"
    r"deposit[ao]ry|adrs?|gdrs?|notes?|due|etfs?|funds?|trust|acquisitions?|blank check|partner\w*)\b"
)
# Tried in order; the first that stands in the name decides.
_WORDS = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        # A name that ends as a share's does, with no word of what carries or buys one.
        ("common", rf"^(?!.*{OTHERS}|.+\b(rights?|units?)\b).*\b(common|ordinary|capital) (stock|shares?)\W*$"),
        ("adr", r"\b((american|global) deposit[ao]ry|adss?|adrs?|gdrs?)\b.{0,40}\brepresent"),
        ("preferred", r"\b(preferred|preference) (limited partnership )?units?\b"),
        ("common", r"\b(common|limited partnership|depositary) units?\b"),
        ("common", r"\bunits? (representing|evidencing|of) .{0,30}(partner|interest)"),
        ("common", r"\bevidencing units\b|\bl\.?p\.?\s+units?\W*$"),
        ("unit", r"(?<!^)\bunits?\b"),
        ("warrant", r"\bwarrants?\b"),
        ("right", r"(?<!^)\b(rights?|cvrs?)\b"),
        ("adr", r"\b((american|global) deposit[ao]ry|adss?|adrs?|new york registry|ny registry|gdrs?)\b"),
        ("note", r"\b(notes?|debentures?|bonds?|debt|strats|certificates?) .{0,60}due\b"),
        ("note", r"\b(senior|subordinated|convertible|exchange.traded) (notes?|debentures?)\b"),
        ("note", r"\b(debentures|mortgage bonds|asset-backed|etns?|trust securities)\b"),
        ("note", r"% notes?\b"),
        ("preferred", r"\b(preferred|preference) (stock|shares?|securit|series|equity)"),
        ("preferred", r"\bseries [a-z0-9]{1,2} (preferred|preference)\b|.\b(preferred|preference)$"),
        ("preferred", r"\b(pfd|perp|cum(ulative)? red\w*|perpetual pref\w*)\b"),
        ("preferred", r"%.{0,40}\bseries\b|\bseries [a-z]\b.{0,60}%"),
        ("preferred", r"\bdep(osit[ao]ry)? sh(are)?s?\b"),
        ("etf", r"\betfs?\b"),
        ("fund", r"\bfunds?\b"),
        (
            "fund",
            (
                r"^(?!.*\b(reit|realty|property|properties|mortgage|real estate|lodging|hotels?)\b).*"
                r"\b(municipal|muni|income|credit|premium|term|bond|dividend|opportunit\w+)"
                r"\b.{0,30}\btrust\b"
            ),
        ),
        ("spac", r"\bacquisitions? (corp|co\b|company|inc|ltd|limited|holdings?|[ivx]+\b|\d)"),
        ("spac", r"\bblank checks?\b"),
        ("common", r"\b(common|ordinary|capital|subordinate voting|registered) (stock|shares?)\b"),
        ("common", r"\b(shares? of beneficial interests?|limited partner|common|class [a-z] shares?)\b"),
        ("common", r"\bclass [a-z]\b"),
        ("etf", r"\b(ishares|spdr|powershares|proshares|wisdomtree|direxion|vaneck|global x)\b"),
    )
)  # fmt: skip
_TEST = re.compile(
    r"\b(test (stock|issue|symbol|security|securities)|symbology test|tick pilot test)\b",
    re.IGNORECASE,
)
_CLASS = re.compile(
    r"\b(common (stock|shares?|units?)|ordinary shares?|capital stock|class [a-z]\b|series [a-z]\b|"
    r"american deposit[ao]ry|adss?\b|adrs?\b|(subordinate |non-?)?voting|shares of beneficial).*$",
    re.IGNORECASE,
)


def listing_type(
    text: str | None, name: str | None = None, symbol: str | None = None
) -> str | None:
    """Our word for a security's type; None where neither vendor nor name says.

    What exchanges list to test their systems is `test`, whatever else is said of it. Where neither
    the vendor nor the name says a type, the symbol may: `ABRpD` is a preferred share.

    Parameters
    ----------
    text : the vendor's word or code; decides where there is one
    name : of the listing
    symbol : of the listing, in our spelling

    Examples
    --------
    >>> listing_type("CS"), listing_type("ETF"), listing_type(None), listing_type("index")
    ('common', 'etf', None, 'other')
    >>> listing_type(None, "Acme Corp. Depositary Shares"), listing_type("", "Acme II Units")
    ('preferred', 'unit')
    >>> listing_type("CS", "NASDAQ TEST STOCK"), listing_type(None, None, "ZVZZT")
    ('test', 'test')
    >>> listing_type(None, "Arbor Trust Series D Preferred"), listing_type(None, "Arbor", "ABRpD")
    ('preferred', 'preferred')
    """
    by_symbol = type_of_symbol(symbol) if symbol else None
    if by_symbol == "test" or (name and _TEST.search(name)):
        return "test"
    plain = (text or "").strip().lower()
    if plain in LISTING_TYPES:
        return plain
    if plain:
        return _CODES.get(plain, "other")
    return (_of_name(name) if name else None) or by_symbol


def type_named(text: str) -> str:
    """The type of security that a text means: our word, or a vendor's code.

    Raises
    ------
    SchemaError
        If it means none; lists them.

    Examples
    --------
    >>> type_named("etf"), type_named("CS")
    ('etf', 'common')
    """
    plain = text.strip().lower() if isinstance(text, str) else ""
    if plain in LISTING_TYPES or plain in _CODES:
        return _CODES.get(plain, plain)
    close = get_close_matches(plain, [*LISTING_TYPES, *_CODES], n=1)
    hint = f"; did you mean {_CODES.get(close[0], close[0])}?" if close else ""
    raise SchemaError(f"{text!r:.60} is no type; the types are {', '.join(LISTING_TYPES)}{hint}")


@cache
def _of_name(name: str) -> str | None:
    return next((kind for kind, pattern in _WORDS if pattern.search(name)), None)


@cache
def issuer_of(name: str | None, cik: str | None = None) -> str | None:
    """Who issued a security: equal for all classes of one company; None if nobody said.

    The company's number at the SEC where it is known, else its name without the words for a
    class of shares.

    Parameters
    ----------
    name : of the listing
    cik : the company's number at the SEC

    Examples
    --------
    >>> issuer_of("Alphabet Inc. Class A Common Stock") == issuer_of("Alphabet Inc. Class C Capital Stock")
    True
    >>> issuer_of("Alphabet Inc.", "1652044"), issuer_of(None)
    ('CIK0001652044', None)
    """
    if cik and cik.isdecimal():
        return f"CIK{cik.zfill(10)}"
    if not name:
        return None
    letters = re.sub(r"[^A-Za-z0-9& ]", "", _CLASS.sub("", name.replace("-", " ")))
    return " ".join(letters.split()).upper() or None
