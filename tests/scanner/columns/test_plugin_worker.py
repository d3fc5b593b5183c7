"""What a worker does with a stretch of symbols and a plugin that may do anything."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from support.panels import walk
from support.plugins import CODE
from technic.errors import StoreError
from technic.runtime.executors.protocol import Shared
from technic.scanner.columns import plugin_registry, plugin_worker


def bars_of(*symbols):
    """What a worker is given: bars of a few symbols, and a plugin by name."""
    panel = walk((40,) * len(symbols))
    arrays = {
        "bars": panel.bars, "places": panel.places, "lengths": panel.lengths,
        "security_ids": panel.security_ids,
    }  # fmt: skip

    def shared(name, digest=None):
        target = f"minescores.scores:{name}"
        job = {"target": target, "digest": digest or plugin_registry.digest_of_module("minescores"),
               "symbols": list(symbols)}  # fmt: skip
        return Shared(job, arrays)

    return panel, shared


def test_a_stretch_of_symbols_is_scored_and_troubles_are_named(package):
    panel, shared = bars_of("S00", "S01", "S03")
    found = plugin_worker.run_part(shared("mean_close"), 0, 3)
    assert found["values"].tolist() == [panel.run(i, "close").mean() for i in range(3)]
    assert found["troubles"] == []
    found = plugin_worker.run_part(shared("raises"), 1, 3)
    assert found["values"][0] == 40
    assert np.isnan(found["values"][1])
    assert found["troubles"] == [["S03", "ValueError: no such thing"]]
    assert "read-only" in plugin_worker.run_part(shared("mutates"), 0, 1)["troubles"][0][1]
    assert "not str" in plugin_worker.run_part(shared("text"), 0, 1)["troubles"][0][1]
    assert np.isnan(plugin_worker.run_part(shared("infinite"), 1, 2)["values"]).all()
    assert np.isnan(plugin_worker.run_part(shared("none"), 0, 3)["values"]).all()


def test_a_worker_imports_anew_what_has_changed_since(package):
    _, shared = bars_of("S00")
    assert plugin_worker.run_part(shared("raises"), 0, 1)["values"].tolist() == [40.0]
    code = package / "minescores" / "scores.py"
    code.write_text(CODE.replace("return len(bars.close)", "return -7.0"))
    with pytest.raises(StoreError, match="have changed since the question was asked"):
        plugin_worker.run_part(shared("raises", "0" * 32), 0, 1)
    assert plugin_worker.run_part(shared("raises"), 0, 1)["values"].tolist() == [-7.0]


def test_in_a_thread_nothing_is_interrupted_and_all_is_scored(package):
    _, shared = bars_of("S00", "S01")
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(plugin_worker.run_part, shared("mean_close"), 0, 2).result()
    assert not np.isnan(found["values"]).any()
