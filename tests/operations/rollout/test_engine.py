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


TOO_DEEP = "[" * 260 + "]" * 260
FAR_TOO_DEEP = "[" * 5_000 + "]" * 5_000


def scanning(**asked):
    return json.dumps({"id": 1, "scan": {"store": "/x", **asked}}).encode()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"no json", "an engine understands"),
        (b"[1]", "an engine understands"),
        (b"\xff\xfe", "an engine understands"),
        (FAR_TOO_DEEP.encode(), "an engine understands"),
        (f'{{"id": {TOO_DEEP}, "scan": {{}}}}'.encode(), "id is a number"),
        (f'{{"id": 1, "scan": {{"file": {TOO_DEEP}}}}}'.encode(), "nested too deeply"),
        (b'{"id": [1], "scan": {}}', "id is a number"),
        (b'{"id": true, "scan": {}}', "id is a number"),
        (json.dumps({"id": "x" * 10_000, "scan": {}}).encode(), "id is a number"),
        (b'{"id": 1, "scan": []}', "an engine understands"),
        (b'{"id": 1, "scan": {}}', "store is missing"),
        (scanning(store="/nonexistent"), "holds no bars"),
        (scanning(store=["/x"]), "store is a text"),
        (scanning(store="x" * 4_000), "cannot be read"),
        (scanning(store="x" * 100_000), "store is longer than"),
        (scanning(as_of="soon"), "is no date"),
        (scanning(as_of=[]), "is no date"),
        (scanning(as_of={}), "is no date"),
        (scanning(as_of=""), "is no date"),
        (scanning(as_of=0), "is no date"),
        (scanning(symbols="AAPL"), "symbols is a list of texts"),
        (scanning(symbols=[1]), "symbols is a list of texts"),
        (scanning(symbols={"A": 1}), "symbols is a list of texts"),
        (scanning(file=[]), "question is a table"),
        (scanning(file=""), "question is a table"),
        (scanning(known_at=1), "known_at means nothing here"),
    ],
)
def test_what_cannot_be_answered_is_an_answer_too(line, says, kernels):
    _, answer, after = served(line, b'{"id": 2}')
    assert answer["error"]["type"] in {"ConfigError", "StoreError"}
    assert says in answer["error"]["text"]
    assert len(answer["error"]["text"]) < 1_000
    assert after["id"] == 2


@pytest.mark.parametrize("error", [RecursionError("deep"), OSError("disk"), KeyError("x\ud800")])
def test_no_error_ends_the_loop(error, kernels):
    def fails(message):
        raise error

    out = io.BytesIO()
    engine.serve(out, io.BytesIO(2 * b'{"id": "a"}\n'), fails)
    answers = [json.loads(line) for line in out.getvalue().splitlines()[1:]]
    assert [answer["id"] for answer in answers] == ["a", "a"]
    assert {answer["error"]["type"] for answer in answers} == {type(error).__name__}


def test_an_answer_that_is_no_json_is_an_error(kernels):
    out = io.BytesIO()
    engine.serve(out, io.BytesIO(b'{"id": 1}\n'), lambda message: {"id": 1, "report": "\ud800"})
    assert "error" in json.loads(out.getvalue().splitlines()[1])
