"""The key of a report asks the parsed question: every spelling of one question has one key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from technic.scanner.plan import PlanRules
from technic.scanner.report_cache import CanonicalQuestion, canonical_question, report_key
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile

# Tokens of questions, with every spelling of each token that the grammar accepts.
NUMBERS = {
    "30": ("30", "30.0", "3e1", "3_0", "(30)", "0.3e2"),
    "0.5": ("0.5", ".5", "50%", "5e-1", "0.50"),
    "5000000": ("5000000", "5M", "5_000_000", "5000K", "0.005B"),
    "14": ("14", "14.0", "1_4"),
}
TEXTS = {
    "steady": ("'steady'", '"steady"'),
    "mine": ("'mine'", '"mine"'),
    "Energy": ("'Energy'", '"Energy"'),
}
QUESTIONS = [
    ["python", "(", "'steady'", ")", ">", "0.5"],
    ["in_list", "(", "'mine'", ")", "and", "rsi", "(", "14", ")", "<", "30"],
    ["alpha", ">", "0.5", "or", "not", "close", "<", "30"],
    ["rsi", "(", "14", ")", "<", "30", "and", "dollar_volume", "(", "14", ")", ">=", "5000000"],
    ["sector", "in", "(", "'Energy'", ",", "'Technology'", ")", "and", "close", ">", "0.5"],
    ["pct_rank", "(", "ret", "(", "14", ")", ",", "by", "=", "sector", ")", ">", "30"],
    ["close", "crosses_above", "sma", "(", "30", ")", "and", "close", "[", "1", "]", "<", "30"],
    ["rsi", "(", "14", ")", "between", "0.5", "and", "30"],
]
GAPS = ("", " ", "  ", "\t", "\n", "\r\n", " # a remark\n", "#'python(\n")
WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.%")


@st.composite
def spellings(draw: st.DrawFn, tokens: list[str]) -> str:
    """One text of a question: gaps, remarks, quotes, numbers and brackets drawn at random."""
    out = draw(st.sampled_from(GAPS))
    for token in tokens:
        choices = NUMBERS.get(token, ()) or TEXTS.get(token.strip("'"), ()) or (token,)
        plain = out.rstrip().endswith("[")  # an offset takes a bare number
        text = draw(st.sampled_from(choices)) if not plain else token
        gap = draw(st.sampled_from(GAPS))
        if not gap and out and out[-1] in WORD and text[0] in WORD:
            gap = " "
        out += gap + text
    out += draw(st.sampled_from(GAPS))
    return f"({out}\n)" if draw(st.booleans()) else out


def key_of_texts(where: str, **more: object) -> str:
    canonical = CanonicalQuestion.of(resolve_question(ScanFile(where=where, **more)))
    return report_key(canonical, "view")


@pytest.mark.parametrize("tokens", QUESTIONS, ids=" ".join)
@settings(max_examples=25)
@given(data=st.data())
def test_every_spelling_of_a_question_has_one_key(tokens, data):
    plain = " ".join(tokens)
    text = data.draw(spellings(tokens))
    expected = CanonicalQuestion.of(resolve_question(ScanFile(where=plain)))
    canonical = CanonicalQuestion.of(resolve_question(ScanFile(where=text)))
    assert canonical == expected, text
    assert report_key(canonical, "view") == report_key(expected, "view")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"entry": "close"}, {"entry": " (close) "}),
        ({"entry": "next_open"}, {}),
        ({"stop": "close-2*atr(14)"}, {}),
        ({"target": "2.0r"}, {"target": "2R"}),
    ],
)
def test_every_spelling_of_a_plan_has_one_key(one, other):
    keys = {key_of_texts("close > 5", plan=PlanRules(**rules)) for rules in (one, other)}
    assert len(keys) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"top": 21},
        {"rank": "rsi(14)"},
        {"universe": "close > 6"},
        {"columns": ("close",)},
        {"benchmark": "SPY"},
        {"missing": "zero_weight"},
        {"symbols": ("A",)},
        {"name": "another"},
        {"plan": PlanRules(entry="open")},
        {"plan": PlanRules(target="3R")},
        {"plan": PlanRules(account=1.0)},
    ],
    ids=str,
)
def test_another_question_has_another_key(more):
    assert key_of_texts("close > 5", **more) != key_of_texts("close > 5")


@pytest.mark.parametrize(
    ("place", "where"),
    [
        (place, text)
        for text in ("python ('steady') > 2", "python(\n'steady') > 2", "in_list\t('mine')")
        for place in ("where", "universe", "rank", "columns", "let")
        if (place, text[:7]) != ("rank", "in_list")  # a truth is no score
    ],
)
def test_what_its_user_may_change_is_never_kept(place, where):
    fields = {
        "let": {"lets": {"own": where}, "where": "own"},
        "columns": {"columns": (where,)},
        "rank": {"rank": where.replace("> 2", "")},
    }
    canonical = CanonicalQuestion.of(
        resolve_question(ScanFile(**fields.get(place, {place: where})))
    )
    assert canonical.changeable


def test_a_model_is_part_of_the_key_where_its_forecast_is_read():
    plain = CanonicalQuestion.of(resolve_question(ScanFile(where="close > 5")))
    forecast = CanonicalQuestion.of(resolve_question(ScanFile(where="(alpha)\n> 5")))
    named = CanonicalQuestion.of(resolve_question(ScanFile(name="alpha", where="close > 5")))
    assert (plain.forecast, forecast.forecast, named.forecast) == (False, True, False)
    assert report_key(forecast, "view", "a") != report_key(forecast, "view", "b")


def test_the_parse_is_kept_by_text_and_is_what_parsing_gives():
    from technic.runtime.cache import open_cache

    cache = open_cache("memory")
    asked = ScanFile(where="rsi( 14 ) < 30", symbols=("B", "A"))
    first = canonical_question(asked, None, cache)
    assert canonical_question(asked, None, cache) == first
    assert first == CanonicalQuestion.of(resolve_question(asked))
    assert canonical_question(asked, ["A"], cache) != first
    other = replace(asked, where="rsi(14) < 30")
    assert canonical_question(other, None, cache) == first
