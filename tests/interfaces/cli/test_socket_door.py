"""The server's end: what is asked is bounded, held against what is known, and ends with its asker."""

from __future__ import annotations

import json
import socket
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from support.places import Place
from support.serving import served
from technic.errors import StoppedError
from technic.interfaces import beside
from technic.interfaces.cli import known, socket_door
from technic.interfaces.cli.desk import Desk
from technic.interfaces.cli.socket_client import request_of
from technic.interfaces.cli.socket_door import SocketDoor
from technic.interfaces.render.terminal import Sheet
from technic.runtime import deadline
from technic.runtime.settings import Settings


@pytest.fixture(scope="module")
def place(home, tmp_path_factory):
    return Place(home, tmp_path_factory.mktemp("here"))


class Door:
    """A server in this process, and lines to its socket."""

    def __init__(self, place, hub):
        self.hub, self.folder = hub, Path(beside.folder_of(hub.settings))
        self.place = str(place.folder / "made")
        self.path = self.folder / beside.name_of(self.place)

    def line(self):
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(10)
        with beside.address_of(str(self.folder), self.path.name) as address:
            line.connect(address)
        return line

    def question(self, *words, **changed):
        desk = Desk(self.place, self.hub.settings, "--store", "")
        read = known.read_words(words)
        assert read is not None
        right = request_of(words, read, desk, Sheet.of(sys.__stderr__))
        return json.dumps({**right, **changed}).encode() + b"\n"

    def say(self, content):
        """Everything that is answered to some bytes, until the server hangs up."""
        with self.line() as line:
            with suppress(BrokenPipeError):  # it has hung up already
                line.sendall(content)
            return heard(line)


def heard(line):
    got = b""
    try:
        while piece := line.recv(1 << 20):
            got += piece
            if got.count(b"\n") == 2 or got == b'{"taken": false}\n':
                return got
    except ConnectionError:
        pass
    return got


def until(condition, seconds=10.0):
    end = monotonic() + seconds
    while not condition() and monotonic() < end:
        sleep(0.01)
    assert condition()


@pytest.fixture
def door(place):
    settings = Settings.load({"TECHNIC_HOME": str(place.home)})
    code = beside.code_here()
    with served(
        place.made,
        settings=settings,
        door=lambda hub: SocketDoor(hub, str(place.folder / "made"), code),
    ) as client:
        yield Door(place, client.hub)


def test_a_right_question_is_taken_and_answered(door):
    sign, answer = door.say(door.question("--top", "2", "--format", "tickers")).splitlines()
    assert json.loads(sign) == {"taken": True}
    assert json.loads(answer)["what"] == "2 rows"
    assert len(json.loads(answer)["content"].split()) == 2


WRONG = {
    "other code": {"code": "another"},
    "another store": {"store": [1, 2]},
    "other settings": {"settings": "0"},
    "words that are none": {"words": ["--keep"]},
    "words of another command": {"words": ["--top", "1", "--top", "2"]},
    "bytes that are no text": {"words": ["--format", "parquet"]},
    "words of another kind": {"words": "scan"},
    "a number among words": {"words": [5]},
    "symbols of another kind": {"symbols": "A"},
    "a text that is none": {"text": 7},
    "a wide terminal": {"columns": 1 << 40},
    "a terminal that is true": {"columns": True},
    "variables that nobody reads": {"variables": {"PATH": "/"}},
    "a long variable": {"variables": {"TERM": "x" * 10_000}},
    "a long origin": {"origin": "x" * 10_000},
    "one field more": {"run": "rm"},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG)
def test_a_question_for_somebody_else_is_not_taken(door, changed):
    assert door.say(door.question(**changed)) == b'{"taken": false}\n'


@pytest.mark.parametrize(
    "content", [b"\n", b"{}\n", b"[]\n", b"\xff\n", b"7\n", b"[" * 100_000 + b"\n", b"null\n"]
)
def test_what_is_no_question_is_not_taken(door, content, caplog):
    assert door.say(content) == b'{"taken": false}\n'
    assert not caplog.records


@pytest.mark.parametrize(
    "words", [["nobody"], ["--as-of", "1999-01-04"], ["x.toml"], ["--symbols", "NOBODY"]]
)
def test_what_the_command_says_better_itself_is_left_to_it(door, words, caplog):
    question = door.question(*[w for w in words if w != "x.toml"])
    if words == ["x.toml"]:
        question = door.question(words=words, text="what = = this")
    assert door.say(question) == b'{"taken": true}\n'
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_list_of_symbols_is_not_read_from_a_file_of_the_server(door):
    """What stands in a file was read by whoever asked."""
    question = door.question(words=["--symbols", "@/etc/passwd", "--format", "tickers"])
    assert json.loads(door.say(question).splitlines()[1])["content"].count("\n") == 20


def test_too_long_a_question_and_too_slow_a_one_are_hung_up(door, monkeypatch):
    assert door.say(b"x" * (beside.MOST_ASKED + (1 << 20))) == b""
    monkeypatch.setattr(socket_door, "READ_WITHIN", 0.3)
    with door.line() as line:
        line.sendall(b"{")
        since = monotonic()
        assert heard(line) == b""
        assert monotonic() - since < 2
    assert door.say(door.question("--top", "1")).startswith(b'{"taken": true}')


def test_so_many_are_answered_at_once_and_more_are_hung_up(door, monkeypatch):
    monkeypatch.setattr(socket_door, "READ_WITHIN", 5)
    lines = [door.line() for _ in range(socket_door.AT_ONCE)]
    until(lambda: len(door.hub.door._lines) == socket_door.AT_ONCE)
    assert door.say(door.question("--top", "1")) == b""
    for line in lines:
        line.close()
    until(lambda: not door.hub.door._lines)
    assert door.say(door.question("--top", "1")).count(b"\n") == 2


@pytest.fixture
def endless(door, monkeypatch):
    """Scans that go on until they are stopped, and how each ended."""
    ended = []

    def work(*_arguments, **_options):
        try:
            while True:
                deadline.check()
                sleep(0.01)
        except StoppedError as error:
            ended.append(str(error))
            raise

    monkeypatch.setattr(door.hub, "scan", work)
    return ended


def test_what_works_for_an_asker_that_has_gone_stops(door, endless):
    line = door.line()
    line.sendall(door.question("--top", "1"))
    until(lambda: door.hub.gate.working == 1)
    assert door.hub.gate.working == 1
    line.close()
    until(lambda: door.hub.gate.working == 0)
    assert len(endless) == 1
    assert "nobody wants it" in endless[0]


def test_a_server_that_ends_hangs_up_and_takes_its_socket_away(place, endless, door):
    with door.line() as line:
        line.sendall(door.question("--top", "1"))
        until(lambda: door.hub.gate.working == 1)
        door.hub.give_up()
        assert not door.path.exists(), "from the first sign of the end on nobody asks"
        assert heard(line) == b'{"taken": true}\n'
    until(lambda: door.hub.gate.working == 0)


def test_where_others_may_enter_nobody_is_answered(place, caplog):
    settings = Settings.load({"TECHNIC_HOME": str(place.home)})
    folder = Path(beside.folder_of(settings))
    folder.chmod(0o755)
    try:
        made = str(place.folder / "made")
        with served(
            place.made,
            settings=settings,
            door=lambda hub: SocketDoor(hub, made, beside.code_here()),
        ) as client:
            assert not (folder / beside.name_of(made)).exists()
            assert client.get("/healthz").status_code == 200
    finally:
        folder.chmod(0o700)
    assert "others may enter" in caplog.text


def test_code_that_was_changed_while_the_server_began_answers_nobody(place, caplog):
    settings = Settings.load({"TECHNIC_HOME": str(place.home)})
    made = str(place.folder / "made")
    with served(place.made, settings=settings, door=lambda hub: SocketDoor(hub, made, "before")):
        assert not (Path(beside.folder_of(settings)) / beside.name_of(made)).exists()
    assert "changed while it began" in caplog.text


def test_a_state_folder_that_cannot_be_written_stops_no_server(place, tmp_path, kernels, caplog):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/kernels").symlink_to(kernels)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / beside.FOLDER).write_text("a file")
    settings = Settings.load({"TECHNIC_HOME": str(tmp_path)})
    made = str(place.folder / "made")
    with served(
        place.made,
        settings=settings,
        door=lambda hub: SocketDoor(hub, made, beside.code_here()),
    ) as client:
        assert client.get("/healthz").status_code == 200
    assert "no socket" in caplog.text
