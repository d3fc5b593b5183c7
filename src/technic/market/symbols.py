"""Spellings of symbols: the exchanges, the SEC and vendors each have their own; ours is one of them.

Ours is the ticker, a dot and the class (`BRK.B`), a small p and the series of a preferred share
(`ABRpD`), then a dot and a word for what else it is (`AAC.U`, `AAC.WS`). Every other spelling
stands in `SUFFIXES`, as the exchanges publish them. What the table does not have is left as it is,
in capitals: a fifth letter of a Nasdaq ticker (GOOGL, RUSHA) is a part of it.

A few endings mean two things: `-A` is class A on web pages and preferred A on Nasdaq's platform.
`readings` gives both, the likelier first; `canonical_symbols` takes the one that is known.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from functools import cache, lru_cache
from string import ascii_uppercase

import polars as pl

from technic.errors import UnknownSymbolError

# Our suffix; then those of CQS (the tape), CMS (behind a blank), Nasdaq's platform, Nasdaq's ACT,
# web pages and the SEC. `{}` is a letter. Of two lines with the same ending the first counts.
SUFFIXES = (
    ("p", "p", "PR", "-", "$", "-P"),
    ("p{}", "p{}", "PR{}", "", "${}", "-P{} ^{} _{} -P-{} .P.{} .PR.{}"),
    ("p.CL", "p/CL", "PRCL", "-*", "", ""),
    ("p{}.CL", "p{}/CL", "PR{}CL", "-{}*", "", ""),
    ("p.WD", "p/WD", "PRWD", "-$", "", ""),
    ("p{}.WD", "p{}/WD", "PR{}WD", "-{}$", "", ""),
    ("p.WI", "pw", "PRWI", "-#", "", ""),
    ("p{}.WI", "p{}w", "PR{}WI", "-{}#", "", ""),
    ("p{}.CV", "p{}/CV", "PR{}CV", "-{}%", "", ""),
    (".U", "/U", "U", "=", ".U", "-UN .UN -U"),
    (".WS", "/WS", "WS", "+", ".W", "-WT .WT"),
    (".WS.{}", "/WS/{}", "WS{}", "+{}", "", "-WT{} .WT.{}"),
    (".WS.WI", "/WSw", "WSWI", "+#", "", ""),
    (".RT", "r", "RT", "^", ".R", "-RI -RT"),
    (".RT.WI", "rw", "RTWI", "^#", "", ""),
    (".WI", "w", "WI", "#", "", ""),
    (".WD", "/WD", "WD", "$", "", ""),
    (".CL", "/CL", "CL", "*", "", ""),
    (".EC", "/EC", "EC", "", "", ""),
    (".PP", "/PP", "PP", "@", "", ""),
    (".CV", "/CV", "CV", "%", "", ""),
    (".CV.CL", "/CV/CL", "CVCL", "%*", "", ""),
    (".TEST", "/TEST", "TEST", "~", "", ""),
    (".{}", "/{}", "{}", ".{}", ".{}", "-{}"),
    (".{}.CL", "/{}/CL", "{}CL", ".{}*", "", ""),
    (".{}.CV", "/{}/CV", "{}CV", ".{}%", "", ""),
    (".{}.WI", "/{}w", "{}WI", ".{}#", "", ""),
    ("p", "", "", "", "", "^ _"),
    ("p{}", "", "", "", "", "/P{}"),
)
CLASSES = [letter for letter in ascii_uppercase if letter not in "RUW"]  # .R, .U and .W are others
DASHED = "ABCV"  # letters that common shares have: behind a dash they are a class, others a series
# What exchanges reserve for tests of their own systems: nobody can own these.
RESERVED = re.compile(r"Z[A-Z]ZZ[TC]|ZXYZ|ZTST|ZTEST|ZBZX|ZIEXT|ZEXIT|CB[OX]|[ACMNP]TEST")
KINDS = {".U": "unit", ".WS": "warrant", ".RT": "right"}  # by the first word of a suffix
_ROOT = re.compile(r"([A-Z0-9]+)(.*)", re.DOTALL)
_TAPE = re.compile(r"[A-Z]+p[A-Z]?")  # a preferred share, as the tape spells it
_PLAIN = r"^[A-Z0-9]+(\.[A-QST-VX-Z])?$"


def canonical_symbol(text: str) -> str:
    """Our spelling of a symbol, by its likelier reading.

    Examples
    --------
    >>> [canonical_symbol(text) for text in ("brk-b", "BRK/B", "BRK B", " BRK.B ", "GOOGL")]
    ['BRK.B', 'BRK.B', 'BRK.B', 'BRK.B', 'GOOGL']
    >>> [canonical_symbol(text) for text in ("ABRpD", "ABR$D", "ABR PRD", "ABR^D", "AAC=", "AAC.WS")]
    ['ABRpD', 'ABRpD', 'ABRpD', 'ABRpD', 'AAC.U', 'AAC.WS']
    """
    return readings(text)[0]


@lru_cache(maxsize=65_536)
def readings(text: str) -> tuple[str, ...]:
    """Every symbol of ours that a spelling can mean, the likeliest first; never empty.

    Examples
    --------
    >>> readings("BRK-B"), readings("BTC-USD")
    (('BRK.B', 'BRKpB'), ('BTC-USD',))
    """
    bare = " ".join(text.split())
    folded = bare.upper() if bare.isascii() else bare
    found: list[str] = []
    # As it is written first: the tape has a small p, r and w among capitals.
    # Then it means that alone: TpC is a preferred share of T, and never the common stock TPC.
    tape = _TAPE.fullmatch(bare) is not None
    for spelling in (bare,) if tape else dict.fromkeys((bare, folded)):
        split = _ROOT.fullmatch(spelling)
        if split is not None:
            found += [split[1] + suffix for suffix in _table().get(split[2], ())]
    return tuple(dict.fromkeys(found)) or (folded,)


def canonical_symbols(symbols: pl.Series, known: Collection[str] = ()) -> pl.Series:
    """A column of symbols in our spelling.

    Parameters
    ----------
    symbols : text; null stays null
    known : symbols as a store has them. A spelling that can mean two is the one that is known;
        and what a store has word for word stays as it is
    """
    symbols = symbols.cast(pl.String)
    different = symbols.unique().drop_nulls()
    odd = different.filter(~different.str.contains(_PLAIN))
    ours = {text: name for text, name in spellings(odd, known).items() if name != text}
    return symbols.replace(list(ours), list(ours.values())) if ours else symbols


def spellings(texts: Iterable[str], known: Collection[str] = ()) -> dict[str, str]:
    """Our symbol by spelling.

    Parameters
    ----------
    known : as in `canonical_symbols`
    """
    texts = list(dict.fromkeys(texts))
    folded = {symbol.upper(): symbol for symbol in known if not symbol.isupper()}
    ours = {text: text if text in known else canonical_symbol(text) for text in texts}
    ours = {t: folded.get(ours[t], ours[t]) if t.islower() else ours[t] for t in texts}
    taken = set(ours.values())
    for text, symbol in ours.items():
        if symbol not in known:
            others = (other for other in readings(text)[1:] if other in known)
            # Where another line of theirs has it, theirs are two securities.
            ours[text] = next((other for other in others if other not in taken), symbol)
    return ours


def vendor_symbol(symbol: str, vendor: str) -> str:
    """A symbol of ours as a vendor wants to be asked for it.

    Parameters
    ----------
    vendor : massive, which spells as the tape does, alpaca, as CMS does, or yahoo

    Examples
    --------
    >>> [vendor_symbol("ABRpD", vendor) for vendor in ("massive", "alpaca", "yahoo")]
    ['ABRpD', 'ABR.PRD', 'ABR-PD']
    >>> [vendor_symbol("BRK.B", vendor) for vendor in ("massive", "alpaca", "yahoo")]
    ['BRK.B', 'BRK.B', 'BRK-B']
    """
    split = _ROOT.fullmatch(symbol)
    line = None if split is None else _by_suffix().get(split[2])
    if split is None or line is None:
        return symbol
    _, tape, cms, _, _, web = line
    spelt = {
        "massive": tape.replace("/", "."),
        "alpaca": f".{cms}",
        "yahoo": web.split()[0] if web else tape.replace("/", "-"),
    }
    return split[1] + spelt[vendor]


def known_symbol(text: str, known: Collection[str]) -> str | None:
    """The symbol of a store that a user means; None if it is none of them.

    Parameters
    ----------
    text : as the user writes it
    known : symbols as the store has them
    """
    found = next((symbol for symbol in (text, *readings(text)) if symbol in known), None)
    if found is None and not text.isupper():
        capitals = canonical_symbol(text).upper()
        found = next((symbol for symbol in known if symbol.upper() == capitals), None)
    return found


def asked_symbols(texts: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """The symbols of a store that a user names, by what the user wrote.

    Parameters
    ----------
    known : symbols as the store has them

    Raises
    ------
    UnknownSymbolError
        If it has no such symbol; names those that look alike.
    """
    found = {text: known_symbol(text, known) for text in texts}
    strange = sorted(text for text, symbol in found.items() if symbol is None)
    if strange:
        shown = ", ".join(text[:24] for text in strange[:5])
        more = f" and {len(strange) - 5} more" if len(strange) > 5 else ""
        raise UnknownSymbolError(
            f"{shown}{more}: no such symbol in the store{alike_hint(strange, known)}"
        )
    return {text: symbol for text, symbol in found.items() if symbol is not None}


def alike_hint(strange: Iterable[str], known: Collection[str]) -> str:
    """`; did you mean …` with the symbols most like those that are unknown; empty if none is."""
    close: dict[str, None] = {}
    for text in list(strange)[:3]:
        close |= dict.fromkeys(get_close_matches(canonical_symbol(text), known, n=3))
    return f"; did you mean {', '.join(list(close)[:4])} ?" if close else ""


def is_test_issue(symbol: str) -> bool:
    """Whether exchanges reserve a symbol of ours for tests.

    Examples
    --------
    >>> is_test_issue("ZVZZT"), is_test_issue("NTEST.A"), is_test_issue("TRUE")
    (True, True, False)
    """
    root = _ROOT.match(symbol)
    reserved = root is not None and RESERVED.fullmatch(root[1]) is not None
    return reserved or symbol.endswith(".TEST")


def type_of_symbol(symbol: str) -> str | None:
    """What kind of security a symbol of ours says it is; None where it does not say.

    Examples
    --------
    >>> [type_of_symbol(text) for text in ("ABRpD", "AAC.U", "AAC.WS", "AAC.RT", "ZVZZT", "BRK.B")]
    ['preferred', 'unit', 'warrant', 'right', 'test', None]
    """
    if is_test_issue(symbol):
        return "test"
    split = _ROOT.match(symbol)
    suffix = split[2] if split else ""
    if suffix.startswith("p"):
        return "preferred"
    return KINDS.get("." + suffix.split(".")[1]) if "." in suffix else None


@cache
def _table() -> dict[str, tuple[str, ...]]:
    """Our suffixes by each of their spellings, the likeliest first."""
    table: dict[str, list[str]] = {"": [""]}
    for spelling, ours in _pairs():
        if spelling and ours not in (there := table.setdefault(spelling, [])):
            there.append(ours)
    return {spelling: tuple(ours) for spelling, ours in table.items()}


def _pairs() -> Iterator[tuple[str, str]]:
    """Spellings and our suffixes; of those with one spelling the first is the likeliest."""
    lines = [line for template in SUFFIXES for line in _lines(template)]
    yield from ((line[0], line[0]) for line in lines)  # a spelling of ours is always ours
    yield from (("-P", "p"), ("-U", ".U"))
    yield from ((f"-{letter}", f".{letter}") for letter in DASHED)
    yield from ((f"-{letter}", f"p{letter}") for letter in ascii_uppercase)
    for ours, tape, cms, platform, act, web in lines:
        yield from ((text, ours) for text in (tape, cms and f" {cms}", platform, act, *web.split()))
    for ours, tape, cms, *_ in lines:  # with a dot, a dash or a stroke in place of theirs
        for sign in "./- ":
            yield tape.replace("/", sign), ours
            yield cms and sign + cms, ours


@cache
def _by_suffix() -> dict[str, tuple[str, ...]]:
    """The first line of the table of each suffix of ours."""
    lines = [line for template in SUFFIXES for line in _lines(template)]
    return {line[0]: line for line in reversed(lines)}


def _lines(template: tuple[str, ...]) -> list[tuple[str, ...]]:
    """A line of the table for each letter that it can have."""
    if "{}" not in template[0]:
        return [template]
    letters = CLASSES if template[0].startswith(".{}") else ascii_uppercase
    return [tuple(text.replace("{}", letter) for text in template) for letter in letters]
