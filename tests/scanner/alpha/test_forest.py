"""Trees give the bits that XGBoost gives, and on a card the bits that they give here."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import orjson
import pytest
import xgboost

from technic.errors import ModelError
from technic.scanner.alpha.forest import forest_of, predict


def slow(*case):
    """A case of every week: growing the trees takes long on a busy machine."""
    return pytest.param(*case, marks=pytest.mark.slow)


def rows_of(n, columns=12, seed=0, unknown=0.1):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, columns)).astype(np.float32)
    rows[rng.random(rows.shape) < unknown] = np.nan
    return rows


def trained(depth=5, trees=60, columns=12, base=None):
    rows = rows_of(4_000, columns, seed=1)
    known = np.nan_to_num(rows)
    label = (
        known[:, 0] * known[:, 1] + 0.3 * known[:, 2] + np.random.default_rng(2).normal(size=4_000)
    )
    about = {
        "max_depth": depth,
        "eta": 0.1,
        "seed": 3,
        "nthread": 2,
        "objective": "reg:squarederror",
    }
    if base is not None:
        about["base_score"] = base
    names = [f"f{k}" for k in range(columns)]
    return xgboost.train(about, xgboost.DMatrix(rows, label, feature_names=names), trees)


@pytest.mark.parametrize(("depth", "base"), [slow(1, None), (4, 0.25), slow(8, None)])
def test_the_bits_are_those_of_xgboost(depth, base):
    """Oracle: XGBoost itself, on rows with unknowns, thresholds and huge values."""
    booster = trained(depth, base=base)
    forest = forest_of(bytes(booster.save_raw("json")))
    rows = rows_of(5_003, seed=9)
    first = (forest.nodes[:, 0] & 0xFFFF == 0) & (forest.nodes[:, 0] != 0)
    rows[:50, 0] = np.resize(forest.numbers[first, 1], 50)
    rows[50, :] = np.nan
    rows[51, :] = 3e38
    rows[52, :] = -3e38
    told = booster.predict(xgboost.DMatrix(rows, feature_names=list(forest.features)))
    assert np.array_equal(predict(forest, rows), told)


@pytest.mark.parametrize("threads", [slow(1), slow(2), 5])
def test_threads_never_change_the_answer(threads):
    forest = forest_of(bytes(trained().save_raw("json")))
    rows = rows_of(3_001)
    assert np.array_equal(predict(forest, rows, threads), predict(forest, rows, 1))


def test_what_is_no_forest_is_refused():
    good = orjson.loads(bytes(trained(3, 3).save_raw("json")))
    trees = good["learner"]["gradient_booster"]["model"]["trees"]
    with pytest.raises(ModelError, match="no description"):
        forest_of(b"{}")
    with pytest.raises(ModelError, match="begins no value"):
        forest_of(b"\x80pickle")
    for change in (
        lambda t: t["left_children"].__setitem__(1, 0),  # back to the root
        lambda t: t["right_children"].__setitem__(0, 10_000),  # out of the tree
        lambda t: t["split_indices"].__setitem__(0, 99),
        lambda t: t["split_type"].__setitem__(0, 1),
    ):
        bad = orjson.loads(orjson.dumps(good))
        change(bad["learner"]["gradient_booster"]["model"]["trees"][0])
        with pytest.raises(ModelError):
            forest_of(orjson.dumps(bad))
    assert len(trees) == 3
    with pytest.raises(ModelError, match="columns"):
        predict(forest_of(orjson.dumps(good)), rows_of(5, 3))


PROGRAM = """
import sys; sys.path.insert(0, "tests/scanner/alpha")
import numpy as np
from test_forest import trained, rows_of
from technic.scanner.alpha.forest import forest_of, predict
from technic.scanner.alpha.cuda import DeviceForest, is_available
assert is_available()
forest = forest_of(bytes(trained(4, 12).save_raw("json")))
rows = rows_of(300)
card = DeviceForest(forest)
found = card.predict(card.put(rows))
card.wait()
assert np.array_equal(found.copy_to_host(), predict(forest, rows))
from technic.scanner.alpha.samples import rank_features
from technic.market.cross_section import percentile
values = np.round(rows.T[:, :120].astype(np.float64), 1)  # with ties
alpha, rank = card.forecast(values)
placed = np.stack([rank_features(v) for v in values], axis=1)
wanted = predict(forest, np.ascontiguousarray(placed))
assert np.array_equal(alpha, wanted)
assert np.array_equal(rank, percentile(wanted.astype(np.float64)))
print("equal")
"""


@pytest.mark.slow
def test_a_card_gives_the_same_bits():
    """On a simulated card, which runs the same text."""
    env = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=env, check=False
    )
    assert done.stdout.strip() == "equal", done.stderr


@pytest.mark.slow
def test_without_a_card_it_is_said(monkeypatch):
    from technic.errors import ConfigError
    from technic.scanner.alpha import cuda
    from technic.scanner.alpha.cuda import DeviceForest

    monkeypatch.setattr(cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="graphics card"):
        DeviceForest(forest_of(bytes(trained(2, 2).save_raw("json"))))


def test_a_mutated_file_is_refused_or_walked_to_an_end():
    """Bytes changed, cut off and put in: an error of ours or numbers, never a crash and never a hang."""
    from technic.scanner.alpha.boosted import Boosted

    good = bytes(trained(3, 6).save_raw("ubj"))
    rows, rng = rows_of(70), np.random.default_rng(9)
    assert np.array_equal(Boosted.of(good).predict(rows), predict(forest_of(good), rows))
    refused = 0
    for k in range(1_500):
        bad = bytearray(good)
        at = int(rng.integers(len(bad)))
        if k % 3 == 0:
            bad[at] ^= int(rng.integers(1, 256))
        elif k % 3 == 1:
            del bad[at:]
        else:
            bad[at:at] = rng.bytes(int(rng.integers(1, 9)))
        try:
            assert predict(forest_of(bytes(bad)), rows, 1).shape == (70,)
        except ModelError:
            refused += 1
    assert refused > 900


def test_threads_never_change_what_is_learned():
    from technic.research.learning.boosted_learner import BoostedLearner

    x = rows_of(20_000, 6, seed=3, unknown=0.0)
    label = (x[:, 0] + np.random.default_rng(4).normal(size=len(x))).astype(np.float32)
    names = tuple(f"f{k}" for k in range(6))
    made = {
        BoostedLearner(trees=20, least=5, threads=k).fit(names, x, label, 1).file for k in (1, 2, 3)
    }
    assert len(made) == 1
