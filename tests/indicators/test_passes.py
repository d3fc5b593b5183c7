"""Folds that are walked together say what they say one after another, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.panels import walk
from support.plain import sized
from technic.indicators import REGISTRY
from technic.indicators.kernel import instructions
from technic.indicators.kernel.graph import Operation, order_of
from technic.indicators.kernel.passes import ENOUGH, all_passes, best_fit
from technic.indicators.kernel.program import compile_program
from technic.indicators.kernel.run import Continuation, advance
from technic.indicators.lanes import Held
from technic.indicators.series import Series
from technic.market.panel import FIELDS, LANES, Panel

PUBLIC = [it for it in REGISTRY.values() if not it.operator and "benchmark" not in it.inputs]
EVERYTHING = [series for it in PUBLIC for series in it.all()]
FOLDS = [it for it in REGISTRY.values() if it.kind == "fold"]
LONG = sized(700, 150)
LENGTHS = (LONG, 30, LONG, LONG - 60, LONG - 1, LONG, 80, 1, LONG, LONG - 40)


def another(series, rng):
    """The same graph with other lengths."""

    def number(value, default):
        return int(rng.integers(2, 40)) if isinstance(default, int) else float(value)

    def made(one):
        inputs = tuple(made(read) for read in one.inputs)
        it = REGISTRY.get(one.name)
        if it is None or not it.defaults:
            return Series(one.name, inputs, one.params, one.output, one.frame)
        key = (one.name, inputs, one.params)
        if key not in known:
            pairs = zip(one.params, it.defaults.values(), strict=True)
            known[key] = tuple(number(*pair) for pair in pairs)
        return Series(one.name, inputs, known[key], one.output, one.frame)

    known = {}
    return [made(one) for one in series] if isinstance(series, list) else made(series)


def heads(program):
    return int((program.code[:, instructions.OP] == instructions.PASS).sum())


def assert_same(panel, kernels, asked, *, every_bar=False, cut=None):
    """Fused and one by one: every value, and every float that a fold carries."""
    done = []
    for fusing in (True, False):
        program = compile_program(asked, every_bar=every_bar, fusing=fusing)
        assert heads(program) == fusing
        since = None
        if cut is not None:
            seen = np.minimum(panel.lengths, cut)
            earlier = Panel(panel.security_ids, panel.bars, panel.places, seen)
            state = advance(program, earlier, kernels).state
            since = Continuation(state, panel.lengths - seen)
        run = advance(program, panel, kernels, since=since)
        carried = {
            fold.node: run.state[:, fold.slot : fold.slot + fold.width] for fold in program.folds
        }
        done.append((run.values, carried))
    (together, ours), (alone, theirs) = done
    np.testing.assert_array_equal(together, alone)
    assert ours.keys() == theirs.keys()
    for node, state in ours.items():
        np.testing.assert_array_equal(state, theirs[node], err_msg=node.name)


@settings(max_examples=sized(8, 2))
@given(
    seed=st.integers(0, 2**16), every_bar=st.booleans(), holes=st.sampled_from([0.0, 0.003, 0.4])
)
def test_a_pass_gives_the_bits_of_its_members(seed, every_bar, holes, kernels):
    """Any lengths of windows and of histories; and where what a fold reads is unknown."""
    rng = np.random.default_rng(seed)
    panel = walk(lengths=LENGTHS, seed=seed)
    close = panel.bars[:, FIELDS.index("close")]
    close[rng.random(close.shape) < holes] = 0.0  # then growth over averages is unknown, at times
    assert_same(panel, kernels, another(EVERYTHING, rng), every_bar=every_bar)


@settings(max_examples=sized(6, 1))
@given(seed=st.integers(0, 2**16), cut=st.integers(1, LONG - 1))
def test_a_pass_goes_on_from_any_bar(seed, cut, kernels):
    assert_same(walk(lengths=LENGTHS, seed=seed), kernels, EVERYTHING, cut=cut)


def test_unknown_and_infinite_inputs_are_walked_again(kernels):
    """Closes of zero for a while: ratios of averages are unknown, and the chunk is not believed."""
    panel = walk(lengths=(sized(400, 370),) * 8, seed=4)
    for name in ("open", "high", "low", "close"):
        panel.bars[0, FIELDS.index(name), 200:330, 3] = 0.0
        panel.bars[0, FIELDS.index(name), 350, 5] = np.inf
    assert_same(panel, kernels, EVERYTHING)
    assert_same(panel, kernels, EVERYTHING, every_bar=True)


def test_what_a_question_lacks_is_computed_beside_it_and_kept_by_nobody(kernels):
    rng = np.random.default_rng(2)
    panel = walk(lengths=LENGTHS, seed=2)
    dropped = [s for s in EVERYTHING if s.name not in {"obv", "adl", "kama"}]
    assert_same(panel, kernels, another(dropped, rng))
    program = compile_program(dropped)
    names = {fold.node.name for fold in program.folds}
    assert not names & {"obv", "adl", "kama"}
    assert program.state_width > sum(fold.width for fold in program.folds)


def test_a_pass_is_taken_only_where_most_of_it_is_wanted():
    whole = all_passes()[0]
    for k in range(1, len(whole.members) + 1):
        nodes = order_of(
            [Series(m.name, m.inputs, m.params, 0, m.frame) for m in whole.members[:k]]
        )
        wanted = whole.work(whole.fit(nodes))
        assert wanted == whole.work(whole.members[:k])
        assert (best_fit(nodes) is not None) == (wanted >= ENOUGH * whole.work())


def test_chains_are_found_from_their_end_whatever_their_lengths():
    ema, rsi = REGISTRY["ema"], REGISTRY["rsi"]
    chain = ema(ema(ema(33), 44), 55)
    nodes = order_of([ema(5), chain, rsi(7)])
    found = all_passes()[0].fit(nodes)
    places = {node: member for member, node in found.items()}
    assert places[Operation.of(chain)].inputs[0].inputs[0].name == "ema"
    assert {node.name for node in places} == {"ema", "rsi"}
    assert len(places) == 5
    for node, member in places.items():
        assert [read.name for read in node.inputs] == [read.name for read in member.inputs]


def test_nobody_stands_in_two_places():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        asked = [another(s, rng) for s in rng.choice(np.array(EVERYTHING, dtype=object), 30)]
        found = all_passes()[0].fit(order_of(asked))
        assert len(set(found.values())) == len(found)


class Watched(Held):
    """Says at which rows it was read."""

    def __init__(self, value):
        super().__init__(value)
        self.rows = set()

    def __getitem__(self, t):
        self.rows.add(t)
        return super().__getitem__(t)


@pytest.mark.parametrize("it", REGISTRY.values(), ids=lambda it: it.name)
def test_who_is_given_a_value_for_rows_reads_the_row_in_hand_alone(it):
    if it.kind == "formula":
        return
    rng, t = np.random.default_rng(5), 40
    reach = it.reach(*it.defaults.values())
    for j, name in enumerate(it.inputs):
        if reach > 0 and name not in it.at_its_row:
            continue
        rows = [np.exp(rng.normal(3.0, 0.2, (t + 1, LANES))) for _ in it.inputs]
        watched = rows[j] = Watched(rows[j][t])
        carried = [rng.normal(20.0, 5.0, LANES) for _ in it.carries]
        count = [np.full(LANES, np.inf)] if it.kind == "fold" else []
        with np.errstate(all="ignore"):
            it.function(t, *count, *rows, *carried, *it.defaults.values())
        assert watched.rows <= {t}


@pytest.mark.parametrize("it", [it for it in FOLDS if it.absorbs], ids=lambda it: it.name)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**16))
def test_what_absorbs_an_unknown_input_carries_it_on(it, seed):
    rng = np.random.default_rng(seed)
    reach = it.reach(*it.defaults.values())
    x = np.exp(rng.normal(3.0, 0.2, (reach + 60, LANES)))
    x[reach + 1 + seed % 20] = np.nan
    carried = [rng.normal(20.0, 5.0, LANES) for _ in it.carries]
    n = len(it.outputs)
    with np.errstate(all="ignore"):
        for t in range(reach + 1, len(x)):
            carried = it.function(t, np.full(LANES, np.inf), x, *carried, *it.defaults.values())[n:]
    assert np.isnan(carried).all()
