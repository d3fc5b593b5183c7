"""What a program works with is memory that nobody has cleared: it reads none that it did not write."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.panels import walk
from support.plain import sized
from technic.errors import QuestionError
from technic.indicators.kernel import run
from technic.indicators.kernel.loader import is_plain
from technic.query import Resolver, names
from technic.query.lower import lower
from technic.query.tree import Feature

PANEL = walk((200, 3, 77, 200, 1, 150, 12, 40, 199), seed=5)
MARKET = np.linspace(90.0, 110.0, 20_000)[: len(run.nyse())]
# Compiled code may follow a wrong number anywhere; plain Python refuses one that is far off.
FOUND = (3.7e9, -5e9) if is_plain() else (5.0, 300.0, np.inf)
LEAVES = ("50", "close", "high - low", "sma(3)", "rsi(5)", "ret(2)", "highest(high, 4)", "beta(20)")
FRAMES = (
    "{}",
    "weekly({})",
    "monthly({})",
    "weekly({})",
    "monthly({}) + {}",
    "weekly({}) - monthly({})",
)


def answers(texts, found, monkeypatch):
    """Values of some expressions, worked out in memory that holds a number everywhere."""

    def filled(program, panel):
        room = allocate(program, panel)
        room["scratch"][...] = found
        return room

    allocate = run._scratch
    trees = [Resolver().any(text)[0] for text in texts]
    with monkeypatch.context() as patch:
        patch.setattr(run, "_scratch", filled)
        return [
            run.evaluate(
                [lower(tree) for tree in trees], PANEL, FOLDER[0], benchmark=MARKET, every_bar=every
            )
            for every in (False, True)
        ]


FOLDER = []


@pytest.fixture(autouse=True, scope="module")
def folder(kernels):
    FOLDER.append(kernels)


expressions = st.builds(
    lambda form, leaf: form.format(leaf, leaf), st.sampled_from(FRAMES), st.sampled_from(LEAVES)
)


@settings(max_examples=sized(60, plain=10))
@given(texts=st.lists(expressions, min_size=1, max_size=4))
def test_memory_that_held_anything_gives_the_same_answer(texts):
    assert_same(texts)


@pytest.mark.parametrize("frame", ["{}", "weekly({})", "monthly({})"])
def test_every_definition_reads_only_what_was_written(frame):
    """All of them at once, with their default numbers, and each frame alone."""
    texts = []
    for name in names.everything():
        try:
            (tree, *_) = Resolver().any(name)
            Resolver().any(frame.format(name))
        except QuestionError:  # it needs arguments, or is not known at this frame
            continue
        if isinstance(tree, Feature):
            texts.append(frame.format(name))
    assert len(texts) > 50
    for k in range(0, len(texts), 8):
        assert_same(texts[k : k + 8])


@pytest.mark.parametrize("text", ["monthly(50)", "weekly(50)", "monthly(50) + monthly(close)"])
def test_a_number_that_is_held_over_weeks_or_months_looks_at_their_sessions(text):
    assert_same([text])


def assert_same(texts):
    patch = pytest.MonkeyPatch()
    clear = answers(texts, 0.0, patch)
    for found in FOUND:
        for one, other in zip(clear, answers(texts, found, patch), strict=True):
            np.testing.assert_array_equal(one, other, err_msg=f"{texts} over {found}")
