"""One security under all its spellings, and never two under one."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from string import ascii_uppercase

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from technic.errors import UnknownSymbolError
from technic.market.schema import SYMBOL_PATTERN
from technic.market.symbols import (
    SUFFIXES,
    asked_symbols,
    canonical_symbol,
    canonical_symbols,
    is_test_issue,
    known_symbol,
    readings,
    spellings,
    type_of_symbol,
    vendor_symbol,
)

SPELLINGS = {
    "BRK.B": ("BRK.B", "BRK-B", "BRK/B", "BRK B", "brk.b", "brk-b", " BRK.B ", "brk b\t"),
    "BF.B": ("BF.B", "BF-B", "BF/B", "BF B"),
    "A.B": ("A-B", "A.B", "a/b"),
    "ABRpD": ("ABRpD", "ABR$D", "ABR-D", "ABR PRD", "ABR.PRD", "ABR^D", "ABR-PD", "abr-pd", "ABR_D"),
    "BACpP": ("BACpP", "BAC$P", "BAC-PP", "BAC^P", "BAC PRP"),
    "PHXp": ("PHXp", "PHX$", "PHX PR", "PHX.PR", "PHX-P"),
    "AAC.U": ("AAC=", "AAC.U", "AAC/U", "AAC U", "AAC-UN", "aac.u"),
    "AAC.WS": ("AAC+", "AAC.WS", "AAC/WS", "AAC WS", "AAC-WT", "AAC.W"),
    "AAC.WS.A": ("AAC+A", "AAC/WS/A", "AAC.WS.A", "AAC WSA"),
    "AAC.RT": ("AAC^", "AACr", "AAC RT", "AAC.R", "AAC-RI"),
    "AAC.WI": ("AAC#", "AACw", "AAC WI"),
    "AAC.A.CL": ("AAC.A*", "AAC/A/CL", "AAC ACL"),
    "AACpA.WI": ("AAC-A#", "AACpAw", "AAC PRAWI"),
    "AAC.CV": ("AAC%", "AAC/CV", "AAC CV"),
    "AAC.PP": ("AAC@", "AAC/PP", "AAC PP"),
}  # fmt: skip
WHOLE = ("GOOGL", "TRUE", "NAN", "NA", "RUSHA", "ABCDW", "ABCDP", "BTC-USD", "0700.HK", "^GSPC")


@pytest.mark.parametrize(("ours", "theirs"), SPELLINGS.items())
def test_every_spelling_is_one_security(ours, theirs):
    assert {canonical_symbol(text) for text in theirs} == {ours}
    assert pl.Series([ours]).str.contains(SYMBOL_PATTERN).all()


@pytest.mark.parametrize("symbol", WHOLE)
def test_what_is_no_suffix_of_the_table_stays_a_part_of_the_ticker(symbol):
    assert canonical_symbol(symbol) == canonical_symbol(symbol.lower()) == symbol


@given(
    root=st.text(ascii_uppercase, min_size=1, max_size=4),
    line=st.sampled_from(SUFFIXES[:-2]),
    letter=st.sampled_from("ADKQX"),
    data=st.data(),
)
def test_any_two_spellings_of_a_line_are_one_security(root, line, letter, data):
    """Endings that mean two things have both readings; all others have one."""
    ours, tape, cms, *others = (text.replace("{}", letter) for text in line)
    theirs = [tape, cms and f" {cms}", *(text for other in others for text in other.split())]
    one, two = (data.draw(st.sampled_from([text for text in theirs if text])) for _ in range(2))
    assert root + ours in readings(root + one)
    assert root + ours in readings(root + two)
    if len(readings(root + one)) == len(readings(root + two)) == 1:
        assert canonical_symbol(root + one) == canonical_symbol(root + two)
    again = canonical_symbol(root + ours)
    assert again == root + ours
    assert known_symbol((root + ours).lower(), {again}) == again


def test_no_two_real_tickers_become_one(real_data):
    seen = defaultdict(set)
    for exchange in ("amex", "nyse", "nasdaq"):
        path = real_data / f"reference/{exchange}_2026-08-21.json.gz"
        for row in json.loads(gzip.decompress(path.read_bytes())):
            seen[canonical_symbol(row["symbol"])].add(row["symbol"].strip())
    assert len(seen) > 7_000
    assert [both for both in seen.values() if len(both) > 1] == []
    assert [symbol for symbol in seen if is_test_issue(symbol)] == []
    assert seen["ABRpD"] == {"ABR^D"}
    assert seen["BF.B"] == {"BF/B"}


def test_a_spelling_that_means_two_is_the_one_that_is_known():
    assert readings("AGM-A") == ("AGM.A", "AGMpA")
    both = pl.Series("symbol", ["AGM-A", None, "agm"])
    assert canonical_symbols(both).to_list() == ["AGM.A", None, "AGM"]
    assert canonical_symbols(both, {"AGMpA"}).to_list() == ["AGMpA", None, "AGM"]
    # A list that names the preferred share beside it means the class.
    assert spellings(["AGM-A", "AGM-PA"], {"AGMpA"}) == {"AGM-A": "AGM.A", "AGM-PA": "AGMpA"}
    # What a store has had from earlier on is found as it stands there.
    assert canonical_symbols(pl.Series(["BF-B"]), {"BF-B"}).to_list() == ["BF-B"]


def test_small_letters_are_folded_and_nothing_else_is():
    assert canonical_symbol("Aapl") == "AAPL"
    assert known_symbol("Tr", {"TR"}) == "TR"
    assert known_symbol("abrpd", {"ABRpD"}) == spellings(["abrpd"], {"ABRpD"})["abrpd"] == "ABRpD"
    assert canonical_symbol("\u0131BM") == "\u0131BM", "a letter of another alphabet is another"
    assert canonical_symbols(pl.Series([None, None], dtype=pl.Null)).to_list() == [None, None]


def test_an_unknown_symbol_is_refused_with_those_like_it():
    known = {"ACME", "ACMX", "BRK.B"}
    assert asked_symbols(["acme", "BRK-B"], known) == {"acme": "ACME", "BRK-B": "BRK.B"}
    with pytest.raises(UnknownSymbolError, match=r"^ACMY: no such symbol in the store; did you me"):
        asked_symbols(["acme", "ACMY"], known)


@pytest.mark.parametrize("vendor", ["massive", "alpaca", "yahoo"])
@pytest.mark.parametrize("ours", [*SPELLINGS, "GOOGL"])
def test_what_a_vendor_is_asked_for_comes_back_as_ours(ours, vendor):
    assert ours in readings(vendor_symbol(ours, vendor))


@pytest.mark.parametrize(
    "symbol", ["ZVZZT", "ZXZZT", "ZVZZC", "NTEST.A", "PTEST.W", "CBO", "IBM.TEST"]
)
def test_test_issues_are_known_by_their_symbols(symbol):
    assert is_test_issue(symbol)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_suffix_that_names_a_kind_says_it_in_every_spelling(suffix):
    kinds = {"p": "preferred", ".U": "unit", ".WS": "warrant", ".RT": "right", ".TEST": "test"}
    ours = suffix[0].replace("{}", "A")
    wanted = "preferred" if ours.startswith("p") else next(
        (kind for start, kind in kinds.items() if start != "p" and (ours + ".").startswith(start + ".")), None
    )  # fmt: skip
    assert type_of_symbol(f"ACME{ours}") == wanted
