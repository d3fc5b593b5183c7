"""What a listing is, by its name: against the exchanges' own codes in its symbol."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict

import pytest

from technic.market.listing_types import LISTING_TYPES, issuer_of, listing_type


@pytest.fixture(scope="module")
def names(real_data):
    listings = []
    for exchange in ("amex", "nyse", "nasdaq"):
        path = real_data / f"reference/{exchange}_2026-08-21.json.gz"
        rows = json.loads(gzip.decompress(path.read_bytes()))
        listings += [(exchange, row["symbol"], row["name"].strip()) for row in rows]
    return listings


@pytest.mark.parametrize(
    ("letter", "kind"), [("W", "warrant"), ("U", "unit"), ("R", "right"), ("P", "preferred")]
)
def test_names_agree_with_the_fifth_letter_of_nasdaq(names, letter, kind):
    """An oracle of another kind: Nasdaq's fifth letter says what a security is."""
    marked = [n for e, s, n in names if e == "nasdaq" and len(s) == 5 and s[-1] == letter]
    right = sum(listing_type(None, name) == kind for name in marked)
    assert len(marked) > 40
    assert right / len(marked) > 0.98


def test_names_agree_with_the_caret_of_new_york(names):
    """A caret marks preferreds there, and some notes and units that trade like them."""
    marked = [listing_type(None, name) for _, symbol, name in names if "^" in symbol]
    assert sum(kind in {"preferred", "note"} for kind in marked) / len(marked) > 0.97


def test_hardly_a_name_is_left_untold_and_none_is_guessed(names):
    kinds = [listing_type(None, name) for _, _, name in names]
    assert {kind for kind in kinds if kind} <= set(LISTING_TYPES)
    assert kinds.count(None) / len(kinds) < 0.03
    assert listing_type(None, "Plumas Bancorp") is None
    assert kinds.count("common") > 4_500


def test_all_classes_of_a_company_are_one_issuer(names):
    by_issuer = defaultdict(set)
    for _, symbol, name in names:
        if listing_type(None, name) == "common":
            by_issuer[issuer_of(name)].add(symbol)
    several = {frozenset(symbols) for symbols in by_issuer.values() if len(symbols) > 1}
    for pair in ({"GOOG", "GOOGL"}, {"FOX", "FOXA"}, {"NWS", "NWSA"}, {"UA", "UAA"}, {"Z", "ZG"}):
        assert frozenset(pair) in several
    assert len(several) < 40


def test_the_vendor_decides_where_it_speaks():
    assert listing_type("CS", "Something Warrants") == "common"
    assert listing_type("ETF", "Acme Inc. Common Stock") == "etf"
    assert listing_type("never heard of") == "other"
    assert listing_type("", "Acme Preferred and Income Fund") == "fund"


@pytest.mark.parametrize(
    ("kind", "name", "symbol"),
    [
        (None, None, "ZVZZT"),
        ("CS", "Anything", "NTEST.A"),
        ("CS", "NASDAQ TEST STOCK", "QQQQ"),
        (None, "NYSE TEST ISSUE A", None),
        (None, "Nasdaq Symbology Test Common Stock", None),
        ("test", None, None),
    ],
)
def test_what_exchanges_test_with_is_a_test_whatever_it_is_called(kind, name, symbol):
    assert listing_type(kind, name, symbol) == "test"


def test_companies_that_sell_tests_are_none():
    assert listing_type("CS", "inTest Corporation Common Stock", "INTT") == "common"
    assert listing_type(None, "Pressure Testing Corp. Common Stock", "PTC") == "common"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        # Companies whose own names hold a word for something else.
        ("CVR Energy Inc. Common Stock", "common"), ("Unit Corporation Common Stock", "common"),
        ("Universal Health Realty Income Trust Common Stock", "common"),
        ("Office Properties Income Trust Common shares of beneficial interest", "common"),
        ("ADS-TEC ENERGY PLC Ordinary Shares", "common"), ("Right On Brands, Inc.", None),
        ("Bank Nova Scotia Halifax Pfd 3 Ordinary Shares", "common"), ("Preferred Bank", None),
        ("AllianceBernstein Holding L.P.  Units", "common"),
        # Receipts, whatever they stand for.
        ("X American Depositary Shares each representing the right to receive one share", "adr"),
        ("X American Depositary Shares each representing 10 Units", "adr"),
        ("X S.A. Global Depositary Shares (Each representing ten shares of Common Stock)", "adr"),
        # And what is none of these still is none.
        ("Acme Corp. Warrants, each exercisable for one share of Common Stock", "warrant"),
        ("Acme Corp. Warrants to purchase Common Stock", "warrant"),
        ("Acme II Units, each consisting of one share and one third of one warrant", "unit"),
        ("Acme Corp. Rights to receive one tenth of one ordinary share", "right"),
        ("Acme Municipal Income Trust Common Stock", "fund"), ("Acme Fund Common Shares", "fund"),
        ("Acme Corp. Depositary Shares representing Preferred Stock", "preferred"),
    ],
)  # fmt: skip
def test_what_a_company_is_called_is_not_what_its_security_is(name, kind):
    assert listing_type(None, name) == kind
