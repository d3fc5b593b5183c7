"""The engine of this version: one line in, one line out, an error being an answer too."""

from __future__ import annotations

import io
import json

import pytest
from engines import question

import technic as tc
from technic.data.simulated import simulate
from technic.operations.rollout import engine
from technic.runtime.version import __version__


@pytest.fixture(scope="module")
def store(tmp_path_factory, kernels):
    made = simulate(seed=4, size=40, sessions=40)
    store = tc.open_store(tmp_path_factory.mktemp("engine") / "store")
    store.import_bars(made.bars, simulated=made.about)
    return store.folder


def served(*lines):
    out = io.BytesIO()
    engine.serve(out, io.BytesIO(b"".join(line + b"\n" for line in lines)))
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_it_greets_and_answers_line_by_line(store):
    ready, first, again = served(*2 * [json.dumps(question(7, store)).encode()])
    assert (ready["ready"], ready["version"]) == (True, __version__)
    assert first["id"] == again["id"] == 7
    assert first["digest"] == again["digest"]
    report = tc.scan(
        tc.open_store(store), file=tc.ScanFile.of(question(7, store)["scan"]["file"], "q")
    )
    assert first["report"]["rows"] == json.loads(json.dumps(report.as_dict()["rows"]))
    assert first["rss"] > 0


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        (b"no json", "ConfigError", "an engine understands"),
        (b"[1]", "ConfigError", "an engine understands"),
        (b'{"id": 1, "scan": {}}', "KeyError", "store"),
        (b'{"id": 1, "scan": {"store": "/nonexistent"}}', "StoreError", "holds no bars"),
        (b'{"id": 1, "scan": {"store": "/x", "as_of": "soon"}}', "ValueError", "soon"),
    ],
)
def test_what_cannot_be_answered_is_an_answer_too(line, kind, says, kernels):
    _, answer = served(line)
    assert answer["error"]["type"] == kind
    assert says in answer["error"]["text"]
