"""A worker's side of the line, in this process; and arrays that processes share."""

from __future__ import annotations

import io
import sys
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import orjson
import pytest

from support.doubled import NUMBERS
from technic.runtime.executors import shared, worker
from technic.runtime.executors.shared import Scratch, line, open_arrays, pack, place_of, unpack


@pytest.fixture
def talk(tmp_path, monkeypatch):
    """What a worker says to messages, and what its work prints."""

    def to(*messages):
        with (tmp_path / "out").open("w+b") as out, (tmp_path / "err").open("w+b") as err:
            source = io.BytesIO(b"".join(line(message) for message in messages))
            monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=source))
            monkeypatch.setattr(sys, "stdout", out)
            monkeypatch.setattr(sys, "stderr", err)
            monkeypatch.setattr(worker, "_end_with_parent", lambda: None)  # it would end us
            worker.main()
            monkeypatch.undo()
        return [orjson.loads(text) for text in (tmp_path / "out").read_bytes().splitlines()]

    return to


@pytest.fixture
def scratch():
    with closing(Scratch()) as made:
        yield made


def work(scratch, name, job=None, out=None):
    places, _ = scratch.describe({"numbers": NUMBERS})
    return {
        "take": {
            "name": name,
            "job": job or {},
            "arrays": places,
            "out": out,
            "scratch": str(scratch.folder),
        }
    }


def test_parts_are_answered_in_order_until_nobody_asks(talk, scratch):
    taken = work(scratch, "works:doubled")
    ready, *answers = talk(taken, {"id": 1, "do": [0, 10]}, {"id": 2, "do": [90, 100]})
    assert ready == {"ready": answers and unpack(answers[0])["who"]}
    assert unpack(answers[1])["values"].tolist() == (2.0 * NUMBERS[90:]).tolist()


def test_without_a_question_it_says_that_it_is_ready_and_ends(talk):
    (ready,) = talk()
    assert list(ready) == ["ready"]


def test_what_is_raised_is_told_by_its_name_if_it_is_ours(talk, scratch):
    _, ours, other, strange = talk(
        work(scratch, "works:raising"), {"id": 3, "do": [0, 1]}, {"id": 4, "do": [1, 2]},
        work(scratch, "works:nonesuch"), {"id": 5, "do": [0, 1]},
    )  # fmt: skip
    said = "question: cannot be understood"
    assert ours == {"id": ours["id"], "raised": "QuestionError", "text": said}
    assert other == {"id": other["id"], "raised": "", "text": "ZeroDivisionError: division by zero"}
    assert other["id"] == ours["id"] + 1  # each answer repeats the number of its request
    assert strange["text"].startswith("AttributeError: ")


def test_parts_write_to_the_room_that_was_given(talk, scratch):
    room = scratch.room((100,))
    place = {**place_of(room), "dtype": room.dtype.str, "shape": list(room.shape)}
    talk(work(scratch, "works:doubled", out=place), {"id": 6, "do": [20, 30]})
    assert room[20:30].tolist() == (2.0 * NUMBERS[20:30]).tolist()
    assert not room[:20].any()


ANSWERS = [
    {},
    {"text": "a", "number": 1.5, "none": None},
    {"array": np.arange(7, dtype=np.int32), "raw": b"abc", "table": np.ones((3, 5))},
    {"empty": np.empty((0, 4)), "nothing": b""},
    {"picked": np.arange(20.0)[::3]},
]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda a: "+".join(a) or "nothing")
def test_an_answer_comes_back_as_it_was_and_leaves_no_file(answer, tmp_path):
    path = tmp_path / "answer"
    packed = orjson.loads(line(pack(answer, path)))
    back = unpack(packed)
    assert set(back) == set(answer)
    for name, value in answer.items():
        if isinstance(value, np.ndarray):
            assert back[name].dtype == value.dtype
            assert np.array_equal(back[name], value)
        else:
            assert back[name] == value
    assert not path.exists()


def test_a_mapped_array_is_named_and_another_is_written(scratch, tmp_path):
    path = tmp_path / "mapped"
    np.arange(60, dtype=np.float64).tofile(path)
    mapped = np.memmap(path, np.float64, "r", shape=(6, 10))
    places, written = scratch.describe(
        {"part": mapped[2:4], "column": mapped[:, 1], "own": NUMBERS, "none": np.empty((0, 3))}
    )
    assert places["part"]["path"] == str(path)
    assert places["part"]["offset"] == 2 * 10 * 8
    assert len(written) == 3, "a column of a mapped table does not lie in one piece"
    again = open_arrays(places)
    assert np.array_equal(again["part"], mapped[2:4])
    assert np.array_equal(again["column"], mapped[:, 1])
    assert np.array_equal(again["own"], NUMBERS)
    assert again["none"].shape == (0, 3)
    again["own"][0] = 7.0
    assert np.array_equal(open_arrays(places)["own"], NUMBERS), "writing changes no file"


def test_memory_that_is_full_is_left_for_the_disk(scratch, monkeypatch):
    folder = scratch.folder
    monkeypatch.setattr(shared.shutil, "disk_usage", lambda _path: SimpleNamespace(free=1 << 20))
    places, (path,) = scratch.describe({"numbers": NUMBERS})
    assert path.parent != folder
    assert np.array_equal(open_arrays(places)["numbers"], NUMBERS)
    scratch.close()
    assert not folder.exists()
    assert not path.parent.exists()


def test_a_system_without_such_memory_has_folders(monkeypatch, tmp_path):
    monkeypatch.setattr(shared, "MEMORY", tmp_path / "nowhere")
    with closing(Scratch()) as made:
        assert made.folder.parent != tmp_path / "nowhere"
        assert made.folder.is_dir()
