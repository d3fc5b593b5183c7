"""Checksums of runs see every change of a run, add up, and see nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from support.panels import walk
from technic.data.store.run_sums import sum_of_run, sums_behind, sums_of_rows, sums_of_runs
from technic.market.panel import LANES

LENGTHS = (320, 7, 161, 320, 90, 1, 320, 320, 250, 0, 33)


@pytest.fixture
def panel():
    return walk(LENGTHS, seed=7)


def sums(panel):
    return sums_of_runs(panel.bars, panel.places, panel.lengths)


def plain_sum(run):
    """The definition, spelled out in whole numbers."""
    total = 0
    for t, value in enumerate(run):
        z = (t + 1) * 0x9E3779B97F4A7C15 % 2**64
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        bits = int(np.float64(value).view(np.uint64))
        total += (bits ^ bits >> 29) * ((z ^ z >> 31) | 1)
    return total % 2**64


def test_sums_are_as_defined(panel):
    found = sums(panel)
    for i in range(len(panel)):
        for j, name in enumerate(panel.fields):
            run = panel.run(i, name)
            assert int(found[i, j]) == plain_sum(run) == sum_of_run(run)


def test_every_flipped_bit_of_a_run_changes_its_sum_and_no_other(panel):
    rng = np.random.default_rng(1)
    before = sums(panel)
    for _ in range(300):
        i = int(rng.integers(len(panel)))
        if not panel.lengths[i]:
            continue
        j, t, bit = (int(rng.integers(n)) for n in (len(panel.fields), panel.lengths[i], 64))
        run = panel.run(i, panel.fields[j]).view(np.uint64)
        run[t] ^= np.uint64(1 << bit)
        changed = sums(panel) != before
        run[t] ^= np.uint64(1 << bit)
        assert changed[i, j]
        assert changed.sum() == 1


@pytest.mark.parametrize("bit", [63, 62, 61, 52, 0])
def test_one_bit_stuck_in_many_rows_is_seen(panel, bit):
    """As a worn memory cell does it; weights alone would lose the sign of an even number of bars."""
    before = sums(panel)
    for rows in range(2, 40):
        run = panel.run(0, "close").view(np.uint64)
        run[:rows] ^= np.uint64(1 << bit)
        assert sums(panel)[0, 3] != before[0, 3]
        run[:rows] ^= np.uint64(1 << bit)


def test_bars_and_runs_that_change_places_are_seen(panel):
    before = sums(panel)
    close = panel.run(0, "close")
    close[[3, 200]] = close[[200, 3]]
    assert (sums(panel) != before).sum() == 1
    close[[3, 200]] = close[[200, 3]]
    longest = [i for i, n in enumerate(LENGTHS) if n == 320][:2]
    panel.places[longest] = panel.places[longest[::-1]]
    assert (sums(panel) != before).any(axis=1).sum() == 2


def test_what_lies_behind_a_run_is_no_part_of_it(panel):
    before = sums(panel)
    block, lane = divmod(int(panel.places[1]), LANES)
    panel.bars[block, :, panel.lengths[1] :, lane] = 5.0
    assert np.array_equal(sums(panel), before)


def test_sums_add_up_bar_by_bar(panel):
    whole, nothing = sums(panel), np.zeros(len(panel), np.int64)
    for share in (0.0, 0.3, 1.0):
        part = (panel.lengths * share).astype(np.int64)
        head = sums_of_runs(panel.bars, panel.places, part)
        tail = sums_behind(panel.bars, panel.places, part, panel.lengths)
        assert np.array_equal(head + tail, whole)
    lengths = panel.lengths
    at = np.repeat(np.arange(len(panel)), lengths)
    rows = np.concatenate([np.arange(n) for n in lengths])
    columns = [
        np.concatenate([panel.run(i, name) for i in range(len(panel))]) for name in panel.fields
    ]
    found = sums_of_rows(columns, at, rows, len(panel), panel.bars.shape[2])
    assert np.array_equal(found, whole)
    assert not sums_of_runs(panel.bars, panel.places, nothing).any()
