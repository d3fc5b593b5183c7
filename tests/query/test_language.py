"""The scan language: one spelling, clear refusals, and two evaluations that agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.panels import walk
from technic.errors import QuestionError, StoppedError
from technic.indicators.kernel.run import evaluate
from technic.market.panel import FIELDS
from technic.query import Evaluation, Resolver, names, parse
from technic.query.lower import lower, series_of
from technic.query.reference import Reference
from technic.query.series import series_for, single_series
from technic.query.tree import Feature, Name
from technic.runtime.deadline import Deadline, held_to
from technic.scores import MACROS, SCORES

# --- random expressions --------------------------------------------------------------------

leaves = st.sampled_from(
    ["close", "open", "high", "volume", "sma(5)", "rsi(3)", "ret(2)", "macd_hist(3, 6, 2)",
     "highest(high, 4)", "atr(4)", "zscore(5)", "30", "1", "0.5", "2.5", "10"]
)  # fmt: skip


def numbers(depth):
    if depth == 0:
        return leaves
    inner = numbers(depth - 1)
    return st.one_of(
        leaves,
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        inner.map(lambda x: f"-{x}"),
        st.tuples(inner, st.integers(0, 3)).map(lambda p: f"({p[0]})[{p[1]}]"),
        inner.map(lambda x: f"abs({x})"),
        st.tuples(inner, inner).map(lambda p: f"max({p[0]}, {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"coalesce({p[0]}, {p[1]})"),
    )


def claims(depth):
    number = numbers(1)
    plain = st.one_of(
        st.tuples(number, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), number).map(
            " ".join
        ),
        st.tuples(number, number, number).map(lambda p: f"{p[0]} between {p[1]} and {p[2]}"),
        st.tuples(number, number, number).map(lambda p: f"{p[0]} < {p[1]} <= {p[2]}"),
        st.tuples(number, number).map(lambda p: f"{p[0]} crosses_above {p[1]}"),
        st.tuples(number, number).map(lambda p: f"{p[0]} crosses_below {p[1]}"),
        number.map(lambda x: f"is_known({x})"),
        st.tuples(number, number).map(lambda p: f"{p[0]} not in ({p[1]}, 1)"),
    )
    if depth == 0:
        return plain
    inner = claims(depth - 1)
    return st.one_of(
        plain,
        st.tuples(inner, inner).map(lambda p: f"({p[0]}) and ({p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]}) or ({p[1]})"),
        inner.map(lambda x: f"not ({x})"),
        st.tuples(st.integers(1, 4), inner).map(lambda p: f"within({p[0]}, {p[1]})"),
        st.tuples(inner, st.integers(1, 4)).map(lambda p: f"count({p[0]}, {p[1]}) >= 2"),
    )


cross_sections = st.tuples(
    st.sampled_from(["pct_rank", "rank", "zscore", "demean"]),
    numbers(1).map(lambda x: f"({x} + 0 * close)"),
    st.sampled_from(["", ", by=sector", ", by=sector or market"]),
).map(lambda p: f"{p[0]}({p[1]}{p[2]}) > 1")
questions = st.one_of(
    claims(2), st.tuples(cross_sections, claims(1)).map(lambda p: f"{p[0]} and ({p[1]})")
)

PANEL = walk((30, 2, 12, 30, 7, 1, 25, 30, 18, 30), seed=11)
SECTORS = [
    "Energy",
    None,
    "Energy",
    "Utilities",
    None,
    "Energy",
    "Utilities",
    "Utilities",
    "Energy",
    None,
]
UNIVERSE = np.array([True, True, True, False, True, True, True, True, True, True])


def same(a, b):
    """Equal, or both unknown; a whisper apart where sums are taken in another order."""
    if a is None or b is None:
        return a is None and b is None
    return float(a) == float(b) or abs(float(a) - float(b)) <= 1e-9 * max(abs(float(a)), 1.0)


@settings(max_examples=300)
@given(text=questions)
def test_vector_and_scalar_evaluation_agree(text, kernels):
    """Random questions on random bars, symbol by symbol, three-valued."""
    try:
        tree = Resolver().question(text)
    except QuestionError as error:
        assert "nested" in str(error) or "more than" in str(error)
        return
    assert_agree(tree, kernels)


def assert_agree(tree, kernels):
    """Both evaluations give the same, or both do not know, for every symbol."""
    roots = list(dict.fromkeys(series_of(tree)))
    columns = dict(zip(roots, evaluate(roots, PANEL, kernels), strict=True)) if roots else {}
    attributes = {"sector": np.array(SECTORS, dtype=object)}
    vector = Evaluation(len(PANEL), columns, attributes, UNIVERSE, frozenset).value(tree)

    parts = [
        n
        for n in tree.walk()
        if isinstance(n, Feature) or (isinstance(n, Name) and n.name in FIELDS)
    ]
    parts = list(dict.fromkeys(parts))
    rows = evaluate([lower(p) for p in parts], PANEL, kernels, every_bar=True) if parts else []
    stops = np.cumsum(PANEL.lengths)
    table = dict(zip(parts, rows, strict=True))

    def history(node, symbol):
        return table[node][stops[symbol] - PANEL.lengths[symbol] : stops[symbol]].tolist()

    slow = Reference(PANEL.lengths.tolist(), history, {"sector": SECTORS}, UNIVERSE.tolist())
    for symbol in range(len(PANEL)):
        wanted = slow.last(tree, symbol)
        ours = None if np.isnan(vector[symbol]) else vector[symbol]
        assert same(ours, wanted), f"symbol {symbol}: {ours} but {wanted}\n{tree}"


@pytest.mark.parametrize(
    "text",
    [
        "within(3, close > open)", "within(25, close > open)", "count(close > open, 5) >= 3",
        "count(close > sma(5), 3) == 2", "sqrt(close - 50) > 1", "abs(close - open) < 1",
        "min(close, open) < 50", "max(ret(2), 0) == 0", "coalesce(sma(20), 1) == 1",
        "not is_known(sma(20))", "not (close > open)", "true", "close between 40 and 60",
        "close in (1, 2)", "sector == 'Energy'", "sector != 'Energy'",
        "sector in ('Energy', 'Utilities')", "sector not in ('Energy')",
        "rank(close) <= 3", "rank(close, by=sector) == 1", "pct_rank(close, by=sector or market) > 40",
        "demean(close) > 0", "zscore(close, by=sector) > 0.5", "zscore(0 * close) > 0",
        "pct_rank(sma(20)) >= 50", "close crosses_above sma(5)", "close crosses_below sma(5)",
        "close / (close - close) > 1", "-close < 0", "close[40] > 1", "ret(2) > 0 or sma(20) > 0",
        "1 < close <= 60", "is_known(close[1])",
    ],
)  # fmt: skip
def test_every_form_of_the_language_is_evaluated_alike(text, kernels):
    assert_agree(Resolver().question(text), kernels)


@settings(max_examples=300)
@given(text=questions)
def test_print_parse_print_is_a_fixed_point(text):
    try:
        once = str(Resolver().question(text))
    except QuestionError:
        return
    assert str(Resolver().question(once)) == once
    assert str(parse(once)) == once


# --- what is written out --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("rsi < 30", "rsi(14) < 30"),
        ("rsi(close, 14) < 30", "rsi(14) < 30"),
        ("rsi(n=7) < 30", "rsi(7) < 30"),
        ("macd > 0", "macd(12, 26, 9) > 0"),
        ("bollinger(20, 2) > close", "bb_upper(20, 2) > close"),
        ("obv() > 0", "obv > 0"),
        ("sma(rsi, 5) > 1", "sma(rsi(14), 5) > 1"),
        ("close > 10M and close < 5%", "close > 10000000 and close < 0.05"),
        ("sector == 'Technology'", "sector == 'Information Technology'"),
        ("sector in ('healthcare', 'Energy')", "sector in ('Health Care', 'Energy')"),
        ("((close > 1))", "close > 1"),
        ("close > 1 and (open > 1 and high > 1)", "close > 1 and open > 1 and high > 1"),
        ("close - (open - 1) > 0", "close - (open - 1) > 0"),
        ("weekly(rsi) > 50", "weekly(rsi(14)) > 50"),
        ("psar < close", "psar(0.02, 0.2) < close"),
        ("close > 0e-400 and open > 5e-324", "close > 0 and open > 5e-324"),
        ("close() > 1", "close > 1"),
        ("zscore(20) > 1", "zscore(20) > 1"),
        ("winsorize(ret(5)) > 0", "winsorize(ret(5), 0.01) > 0"),
        ("quantile(close) == 5", "quantile(close, 5) == 5"),
        ("news_count(5) > 1", "news_count(5) > 1"),
        ("total_ret() > 0.1 and total_ret(63) > 0", "total_ret(21) > 0.1 and total_ret(63) > 0"),
    ],
)
def test_defaults_are_written_out(text, canonical):
    assert str(Resolver().question(text)) == canonical


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rsii(14) < 30", "did you mean rsi"),
        ("rsi(7, n=8) < 30", "rsi is given n twice"),
        ("rsi(n=7, n=8) < 30", "rsi is given n twice"),
        ("macd(5, 20, fast=6) > 0", "macd is given fast twice"),
        ("rsi(7, 9, n=8) < 30", "rsi is given n twice"),
        ("'30' < rsi(14)", "did you mean 30"),
        ("close[-1] > 1", "into the future"),
        ("rsi(14 < 30 and close > sma(200)", "expected ')' or ','"),
        ("sector == 'Tecnology'", "sectors are"),
        ("rsi(14)", "a truth is expected"),
        ("pct_rank(close)[1] > 5", "past cross-sections are not kept"),
        ("sma(2600) > 1", "2,520"),
        ("sma(2.5) > 1", "whole number"),
        ("sma(0) > 1", "whole number"),
        ("close > $x", "$x has no value"),
        ("within(3, sector == 'Energy')", "has no history"),
        ("weekly(monthly(close)) > 1", "stands inside"),
        ("close >", "the text ends"),
        ("close ; open", "means nothing here"),
        ("ｃlose > 1", "means nothing here"),
        ("close > ١", "means nothing here"),
        ("close > 1٢", "means nothing here"),
        ("close > 1e400", "larger than any number"),
        ("close > 1e-400", "smaller than any number"),
        ("close > 0.1e-330%", "smaller than any number"),
        ("", "is empty"),
        ("sma(sma(sma(close, 2000), 400), 400) > 1", "looks back over"),
        ("rsi(14, by=sector) < 30", "rsi takes no by="),
        ("nonsense(3) > 1", "nonsense is no function of this language"),
        ("pct_rank(close, open) > 1", "pct_rank takes one expression, and by="),
        ("winsorize(close, 0.7) > 1", "winsorize cannot use 0.7"),
        ("quantile(close, 1) > 1", "quantile cannot use 1"),
        ("quantile(close, open) > 1", "quantile takes a plain number here"),
        ("pct_rank(close, by=issuer) > 1", "by= takes sector, industry, exchange, type"),
        ("sma(5, close) > 1", "expressions come before numbers"),
        ("atr(close, 14) > 1", "and no expression"),
        ("sma(sector, 5) > 1", "sma takes no text"),
        ("rsi(m=7) < 30", "not m"),
        ("within(close > open) > 1", "it is written within(5, condition)"),
        ("count(close > open)", "it is written count(condition, 10)"),
        ("within(0, close > open)", "counts bars: a whole number from 1 to 2,520"),
        ("within(3, close)", "within takes claims, and close is a number"),
        ("weekly(close, 3) > 1", "weekly takes one expression"),
        ("abs(close, open) > 1", "abs takes one number"),
        ("sqrt() > 1", "sqrt takes one number"),
        ("abs(sector) > 1", "abs"),
        ("min(close) > 1", "it is written min(a, b)"),
        ("coalesce(close) > 1", "it is written coalesce(a, b)"),
        ("coalesce(sector, close) > 1", "cannot be compared with a number"),
        ("is_known(close, open)", "is_known takes one expression"),
        ("in_list(close)", "in_list takes the name of a watch-list"),
        ("news_count() > 1", "it is written news_count(5)"),
        ("total_ret(1, 2) > 1", "it is written total_ret(21)"),
        ("total_ret(0.5) > 1", "total_ret counts bars"),
        ("news_count(2.5) > 1", "news_count counts bars"),
        ("python(close) > 1", "it is written python('name')"),
    ],
)
def test_a_refusal_says_what_and_where(text, says):
    from technic.scanner.spec.question import resolve_question
    from technic.scanner.spec.scan_file import ScanFile

    with pytest.raises(QuestionError) as caught:
        if text:
            resolve_question(ScanFile(where=text))
        else:
            parse(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["-" * 4000 + "1", "(" * 2000 + "1" + ")" * 2000 + " > ", "not " * 900 + "true", "1" * 5000,
     "+".join(["1"] * 600), "__import__('os')", "close.__class__", "a" * 4097, "\x00", "rsi(" * 500],
)  # fmt: skip
def test_hostile_texts_are_refused_quickly(text):
    with pytest.raises(QuestionError):
        Resolver().question(text)


def test_a_price_against_a_volume_is_noticed():
    resolver = Resolver()
    resolver.question("close > volume")
    assert "is that comparison meant?" in resolver.warnings[0]


def test_let_and_params_are_bound_and_may_not_turn_in_circles():
    resolver = Resolver({"trend": "close > sma($n)"}, {"n": 50.0})
    assert str(resolver.question("trend and rsi < 30")) == "close > sma(50) and rsi(14) < 30"
    with pytest.raises(QuestionError, match="defined by itself"):
        Resolver({"a": "b > 1", "b": "a"}).question("a")


def test_a_name_of_the_language_is_nobodys_own():
    for name in (*names.everything(), *names.WORDS):
        with pytest.raises(QuestionError, match=f"{name} means something in the language already"):
            Resolver({name: "open"})


def test_a_parameter_may_be_called_like_anything():
    """It is written with a sign of its own."""
    for name in names.everything():
        tree = Resolver({}, {name: 2.0}).question(f"close > ${name}")
        assert str(tree) == "close > 2"


@pytest.mark.parametrize("name", ["", "1a", "a b", "é", "a\n", "x" * 101, "$a"])
def test_what_could_not_be_written_is_no_name(name):
    for bound in ({"lets": {name: "open"}}, {"params": {name: 1.0}}):
        with pytest.raises(QuestionError, match="is no name"):
            Resolver(**bound)


def _without_history():
    tables = (names.ATTRIBUTES, names.FACTS, names.REGIME, names.ALPHA, SCORES, MACROS)
    return [name for table in tables for name in table]


@pytest.mark.parametrize("name", _without_history())
def test_a_series_of_what_has_no_history_is_refused(name):
    kind = Resolver().any(name)[1].what
    texts = [name, f"coalesce({name}, {name})"]
    if kind == names.NUMBER:
        texts += [f"min({name}, 1)", f"-{name}", f"close + {name}", f"{name} > close"]
    for text in texts:
        for series in (series_for, single_series):
            with pytest.raises(QuestionError, match="has no history") as caught:
                series([text])
            assert caught.value.text == text


@pytest.mark.parametrize("name", sorted({*names.BAR_FIELDS, *names.OUTPUTS}))
def test_fields_and_indicators_have_a_history(name):
    columns, series = series_for([name])
    assert len(columns) == len(series) >= 1


def test_one_long_expression_stops_where_nobody_wants_it_any_more():
    """Looked at between its parts: those that were done are kept, the others never begin."""
    limit = Deadline()
    tree = Resolver().question(" and ".join(f"close > {n}" for n in range(20)))

    class Called(dict):
        def __getitem__(self, series):
            limit.cancel()
            return np.ones(len(PANEL))

    evaluation = Evaluation(len(PANEL), Called(), {}, UNIVERSE, frozenset)
    with held_to(limit), pytest.raises(StoppedError, match="nobody wants it"):
        evaluation.value(tree)
    assert 0 < len(evaluation.computed) < 20
