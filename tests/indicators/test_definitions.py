"""Every indicator, against independent code and against itself. Nothing here names an indicator."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators import references
from support.panels import strange, walk
from support.plain import sized
from technic.indicators import REGISTRY
from technic.indicators.kernel import instructions
from technic.indicators.kernel.loader import is_plain
from technic.indicators.kernel.program import compile_program
from technic.indicators.kernel.run import Continuation, advance, evaluate
from technic.indicators.series import field
from technic.market.panel import FIELDS, LANES, Panel, pack
from technic.market.sessions import nyse

PUBLIC = [it for it in REGISTRY.values() if not it.operator]
FOLDS = [it for it in REGISTRY.values() if it.kind == "fold"]
each_indicator = pytest.mark.parametrize("it", PUBLIC, ids=lambda it: it.name)
BENCHMARK = np.exp(np.cumsum(np.random.default_rng(5).normal(0.0003, 0.01, len(nyse()))))
STRANGE = strange()
NO_RANGE = ("flat", "a range and no move", "halted")
MAY_DIFFER = {  # on which of them a definition says that it differs from TA-Lib
    "kama": ("halted",),
    "rsi": NO_RANGE,
    "cmo": NO_RANGE,
    "stochastic": tuple(STRANGE),  # its first values come earlier
    "williams_r": NO_RANGE,
    "cci": NO_RANGE,
    "ultimate": NO_RANGE,
    "adx": NO_RANGE,
    "mfi": (*NO_RANGE, "rarely traded"),
}
EVERYTHING = [series for it in PUBLIC for series in it.all()]


def history(it, panel, kernels):
    """(n_outputs, n_bars), symbol after symbol."""
    return evaluate(it.all(), panel, kernels, benchmark=BENCHMARK, every_bar=True)


@cache
def walked(name, kernels):
    """The history of one definition over the bars of the fixture `panel`, made once."""
    return history(REGISTRY[name], walk(), kernels)


@cache
def strange_values(name, kernels):
    """Values of one definition by kind of strange series, made once.

    Each is alone in its block. Not as plain Python, for which eight lanes cost what one does: there
    they lie side by side.
    """
    it = REGISTRY[name]
    if not is_plain():
        return {kind: history(it, panel, kernels) for kind, panel in STRANGE.items()}
    fields = (*FIELDS[:5], "session")
    columns = {
        one: np.concatenate([np.asarray(panel.run(0, one), float) for panel in STRANGE.values()])
        for one in fields
    }
    lengths = np.array([int(panel.lengths[0]) for panel in STRANGE.values()])
    panel = pack(np.arange(len(lengths)), lengths, columns)
    values = history(it, panel, kernels)
    return {kind: values[:, run] for kind, run in zip(STRANGE, runs(panel), strict=True)}


def runs(panel):
    stops = np.cumsum(panel.lengths)
    return [slice(a - n, a) for a, n in zip(stops, panel.lengths, strict=True)]


def bars_of(panel, i):
    named = {name: np.ascontiguousarray(panel.run(i, name)) for name in panel.fields}
    return SimpleNamespace(**named, benchmark=BENCHMARK[named["session"].astype(int)])


def expected(it, bars):
    params = dict(it.defaults)
    if it.oracle is not None:
        answer = it.oracle(talib, bars, **params)
        return answer if isinstance(answer, tuple | list) else (answer,)
    answer = getattr(references, it.name)(bars, **params)
    return answer if isinstance(answer, tuple) else (answer,)


def differs_on(it, kind):
    """Whether a definition says that its oracle has other values on such bars."""
    return bool(it.differs) and kind.startswith(MAY_DIFFER.get(it.name, ()))


@each_indicator
def test_agrees_with_independent_code(it, panel, kernels):
    """Within 1e-9; values that we call unknown (0/0) are left out, never the reverse."""
    values, compared, left_out = walked(it.name, kernels), 0, 0
    for i, run in enumerate(runs(panel)):
        for ours, wanted in zip(values[:, run], expected(it, bars_of(panel, i)), strict=False):
            both = np.isfinite(ours) & np.isfinite(wanted)
            first = np.isfinite(wanted).argmax() if np.isfinite(wanted).any() else len(wanted)
            np.testing.assert_allclose(ours[both], wanted[both], rtol=1e-9, atol=1e-9)
            assert not (np.isfinite(ours) & ~np.isfinite(wanted))[first:].any()
            left_out += int((~np.isfinite(ours) & np.isfinite(wanted)).sum())
            compared += int(both.sum())
    assert compared > 100
    assert left_out <= compared * 0.05


@pytest.mark.parametrize("kind", STRANGE)
@each_indicator
def test_agrees_on_strange_series_too(it, kind, kernels):
    """Flat, straight, halted, gapped, young, rarely traded: what is known, and what it is.

    Where a definition differs, it says so, and the bars that it names show it.
    """
    panel, values = STRANGE[kind], strange_values(it.name, kernels)[kind]
    for ours, wanted in zip(values, expected(it, bars_of(panel, 0)), strict=False):
        both = np.isfinite(ours) & np.isfinite(wanted)
        same = np.isclose(ours[both], wanted[both], rtol=1e-9, atol=1e-9).all()
        assert same or (it.name, kind) == ("kama", "halted")
        assert (np.isfinite(ours) == np.isfinite(wanted)).all() or differs_on(it, kind)


@each_indicator
def test_who_says_that_it_differs_from_its_oracle_does(it, kernels):
    if it.oracle is None or not it.differs:
        return
    apart = []
    for kind, panel in STRANGE.items():
        wanted = expected(it, bars_of(panel, 0))
        for ours, theirs in zip(strange_values(it.name, kernels)[kind], wanted, strict=False):
            apart.append(not np.allclose(ours, theirs, rtol=1e-9, atol=1e-9, equal_nan=True))
    assert any(apart)


@each_indicator
def test_has_an_oracle_or_a_reference_and_a_source(it):
    assert it.oracle is not None or hasattr(references, it.name)
    assert it.source
    assert it.function.__doc__


@each_indicator
def test_first_known_value_follows_the_lookback(it, panel, kernels):
    """Where a definition states its look-back, the first value of a moving symbol comes then."""
    if it.lookback is None:
        return
    first = walked(it.name, kernels)[:, : panel.lengths[0]]
    wanted = it.lookback(*it.defaults.values())
    known = [int(np.isfinite(output).argmax()) for output in first]
    assert max(known) == wanted


@each_indicator
def test_bounds_hold(it, kernels):
    low, high = it.bounds or (-np.inf, np.inf)
    values = walked(it.name, kernels)
    assert np.nanmin(values) >= low
    assert np.nanmax(values) <= high


@each_indicator
def test_scale_free_means_what_it_says(it, panel, kernels):
    """Four times every price: unchanged if declared so, changed in some output if not."""
    scaled = panel.bars.copy()
    scaled[:, :4] *= 4.0
    louder = Panel(panel.security_ids, scaled, panel.places, panel.lengths)
    before, after = walked(it.name, kernels), history(it, louder, kernels)
    same = np.allclose(before, after, rtol=1e-9, atol=1e-9, equal_nan=True)
    assert same == (it.scale_free or it.unit == "volume")


@settings(max_examples=sized(12, plain=2))
@given(cut=st.integers(1, 160), seed=st.integers(0, 2**16))
def test_stopping_and_resuming_changes_not_one_bit(cut, seed, kernels):
    """Stop after any bar, send the state through bytes, carry on: the same values, exactly."""
    panel = walk(lengths=(160, 30, 7, 160, 159, 160, 80, 1, 160, 122), seed=seed)
    program = compile_program(EVERYTHING)
    whole = advance(program, panel, kernels, benchmark=BENCHMARK)

    seen = np.minimum(panel.lengths, cut)
    earlier = Panel(panel.security_ids, panel.bars, panel.places, seen)
    state = advance(program, earlier, kernels, benchmark=BENCHMARK).state
    state = np.frombuffer(state.tobytes()).reshape(state.shape)
    since = Continuation(state, panel.lengths - seen)
    resumed = advance(program, panel, kernels, since=since, benchmark=BENCHMARK)
    np.testing.assert_array_equal(resumed.values, whole.values)
    np.testing.assert_array_equal(resumed.state, whole.state)


def test_one_bar_at_a_time_is_the_history(kernels):
    """The last bar as of each session is the row of the full history at that session."""
    panel = walk(lengths=(90, 60, 3, 90), seed=3)
    rows = evaluate(EVERYTHING, panel, kernels, benchmark=BENCHMARK, every_bar=True)
    for seen in (1, 2, 15, 40, 89, 90):
        cut = Panel(panel.security_ids, panel.bars, panel.places, np.minimum(panel.lengths, seen))
        last = evaluate(EVERYTHING, cut, kernels, benchmark=BENCHMARK)
        for i, run in enumerate(runs(panel)):
            at = run.start + min(seen, panel.lengths[i]) - 1
            np.testing.assert_array_equal(last[:, i], rows[:, at])


@pytest.mark.parametrize("it", FOLDS, ids=lambda it: it.name)
def test_a_fold_asks_how_many_bars_there_were_only_until_it_has_settled(it):
    """Behind its look-back any number of bars will do: no bit of what it gives may hang on it."""
    rng, reach = np.random.default_rng(11), it.reach(*it.defaults.values())
    rows = [np.exp(rng.normal(3.0, 0.2, (reach + 2, LANES))) for _ in it.inputs]
    carried = [rng.normal(20.0, 5.0, LANES) for _ in it.carries]
    least = it.lookback(*it.defaults.values()) + 1.0
    answers = []
    for k in (least, 1e9, np.inf):
        with np.errstate(all="ignore"):
            said = it.function(reach + 1, np.full(LANES, k), *rows, *carried, *it.defaults.values())
        answers.append(np.array([np.broadcast_to(one, LANES) for one in said]))
    assert answers[0].tobytes() == answers[1].tobytes() == answers[2].tobytes()


@settings(max_examples=sized(10, plain=2))
@given(seed=st.integers(0, 2**16), holes=st.sampled_from([0.0, 0.002, 0.05, 0.6]))
def test_what_is_believed_until_it_fails_gives_the_bits_of_what_is_doubted(seed, holes, kernels):
    """Folds over computed values, some unknown or infinite: by chunks and row by row, seasoned or not."""
    panel = walk(lengths=(700, 30, 700, 640, 699, 700, 80, 1, 700, 522, 700), seed=seed)
    rng = np.random.default_rng(seed)
    volume = panel.bars[:, FIELDS.index("volume")]
    volume[rng.random(volume.shape) < holes] = 0.0
    open_ = panel.bars[:, FIELDS.index("open")]
    open_[rng.random(open_.shape) < holes / 2.0] = 0.0
    # Open by volume: infinite where nothing traded, unknown where the open is zero as well.
    broken = REGISTRY["divide"](field("open"), field("volume"))
    asked = [one for it in FOLDS if it.takes_any_input for one in it.all(broken)]
    asked += [REGISTRY["ema"](one, 9) for one in asked[:4]] + [REGISTRY["rsi"](REGISTRY["ema"]())]
    for every_bar in (False, True):
        program = compile_program(asked, every_bar=every_bar)
        believed = advance(program, panel, kernels)
        for column in (instructions.KNOWN, instructions.SEASON):
            code = program.code.copy()
            code[:, column] = 1 << 40
            doubted = advance(replace(program, code=code), panel, kernels)
            np.testing.assert_array_equal(believed.values, doubted.values)
            np.testing.assert_array_equal(believed.state, doubted.state)


@pytest.mark.skipif(is_plain(), reason="plain Python runs one thread at a time")
def test_threads_change_nothing(panel, kernels):
    one, many = (
        evaluate(EVERYTHING, panel, kernels, benchmark=BENCHMARK, threads=n) for n in (1, 5)
    )
    np.testing.assert_array_equal(one, many)


def test_what_lies_beyond_a_run_is_never_read(panel, kernels):
    """Rows behind a symbol's length are room for later bars: their content does not matter."""
    before = evaluate(EVERYTHING, panel, kernels, benchmark=BENCHMARK)
    spoiled = panel.bars.copy()
    for i in range(len(panel)):
        block, lane = divmod(int(panel.places[i]), 8)
        spoiled[block, :5, panel.lengths[i] :, lane] = 1e300
    other = Panel(panel.security_ids, spoiled, panel.places, panel.lengths)
    np.testing.assert_array_equal(evaluate(EVERYTHING, other, kernels, benchmark=BENCHMARK), before)


def test_a_symbol_that_never_moves_is_unknown_not_extreme(kernels):
    n = 300
    flat = {name: np.full(n, 10.0) for name in ("open", "high", "low", "close")}
    flat |= {"volume": np.zeros(n), "session": np.arange(n) + 5000.0}
    still = pack(np.arange(1), np.array([n]), flat)
    for name in ("rsi", "stochastic", "williams_r", "cci", "mfi", "cmo", "r2", "corr", "zscore"):
        assert np.isnan(evaluate(REGISTRY[name].all(), still, kernels, benchmark=BENCHMARK)).all()
