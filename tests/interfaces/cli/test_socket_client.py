"""A server that runs beside it is asked, says the same bytes, and is never waited for in vain."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

from support.commands import run_command
from support.imported import HEAVY, heads, ours, run_listed
from support.places import QUESTIONS, STRANGE, Place, in_a_terminal, said, timeless
from technic.interfaces import beside
from technic.interfaces.cli import known, socket_client
from technic.runtime.settings import Settings

SOURCE = Path(beside.ROOT).parent


@contextmanager
def serving(place, store="real", **env):
    """A server in a process of its own; yields it once it answers command lines."""
    command = [sys.executable, "-m", "technic", "serve", "--port", "0", "--store", store]
    running = subprocess.Popen(
        command, env={**place.env, **env}, cwd=place.folder, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        until = monotonic() + 60
        while not socket_of(place, store).exists() and monotonic() < until:
            assert running.poll() is None, running.communicate()[0]
            sleep(0.05)
        yield running
    finally:
        running.send_signal(signal.SIGCONT)
        running.terminate()
        running.communicate(timeout=20)


def socket_of(place, store="real"):
    settings = Settings.load({"TECHNIC_HOME": str(place.home)})
    return Path(beside.folder_of(settings), beside.name_of(str(place.folder / store)))


def asked(place, words, **env):
    """What a server says; to look for a kept report, or to do the work, is an error."""

    def refuse(*_arguments):
        raise AssertionError(f"{words}: no server answered")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known, "_kept", refuse)
        return place.quick(words, **env)


def is_asked(place, words, **env):
    try:
        asked(place, words, **env)
    except AssertionError:
        return False
    return True


@pytest.fixture(scope="module")
def place(home, tmp_path_factory):
    return Place(home, tmp_path_factory.mktemp("here"))


@pytest.fixture(scope="module")
def server(place):
    with serving(place) as running:
        yield running


@pytest.mark.parametrize("words", QUESTIONS, ids=" ".join)
def test_a_server_and_the_whole_way_print_the_same_bytes(place, server, words):
    words = place.words(words)
    place.whole(words)  # now the report is kept, and both find it
    whole = said(place.whole(words), place.folder)
    assert whole[0] == 0, whole
    assert said(asked(place, words), place.folder) == whole


def test_the_same_seal_without_anything_kept(place, server):
    words = place.words(["--rank", "ret(5)", "--json", "--top", "7"])
    there = json.loads(asked(place, words).stdout)
    here = json.loads(place.whole([*words]).stdout)
    assert there["manifest"] == here["manifest"]
    assert (there["rows"], there["regime"]) == (here["rows"], here["regime"])


@pytest.mark.parametrize("words", STRANGE, ids=ascii)
def test_mistakes_are_answered_in_the_same_words(place, server, words):
    words = [*words, "--store", "real"]
    place.whole(words)
    whole = said(place.whole(words), place.folder)
    assert said(place.either(words), place.folder) == whole


@pytest.mark.parametrize("words", [["-e", "rsi(14"], ["--columns", "close, nope(3)"]])
def test_a_question_that_no_server_understands_is_told_at_once(place, server, words):
    words = [*words, "--store", "real"]
    assert said(asked(place, words), place.folder) == said(place.whole(words), place.folder)
    assert asked(place, words).returncode == 1


def test_the_store_that_settings_name_is_told_above_the_answer(place, server):
    env = {"TECHNIC_STORE": "real"}
    place.whole(["--top", "2"], **env)
    whole = said(place.whole(["--top", "2"], **env), place.folder)
    assert whole[1].startswith(f"Store {place.folder}/real (TECHNIC_STORE)")
    assert said(asked(place, ["--top", "2"], **env), place.folder) == whole


@pytest.mark.parametrize(("columns", "colour"), [(60, "1"), (140, "")])
def test_in_a_terminal_of_any_width_the_same_is_shown(place, server, columns, colour):
    words = place.words(["--top", "4"])
    place.whole(words)
    assert is_asked(place, words)
    env = {"NO_COLOR": colour, "TERM": "xterm-256color"}
    there = in_a_terminal(place, columns, ["scan", *words], **env)
    whole = in_a_terminal(place, columns, ["--log-json", "scan", *words], **env)
    assert there == whole
    assert "\x1b[1m" in there, "its title is bold"


def test_what_its_user_may_change_at_any_time_is_read_anew(place, server):
    words = place.words(["-e", "in_list('held')", "--format", "tickers"])
    for symbol in place.names:
        command = ["list", "add", "held", symbol, "--store", "real"]
        assert run_command(command, place.env, place.folder).returncode == 0
        assert symbol in asked(place, words).stdout.split()


def test_a_server_is_asked_with_next_to_nothing_imported(place, server):
    words = place.words(["--top", "3", "--rank", "ret(7)"])
    env = {**place.env, "NO_COLOR": ""}
    for form in ([], ["--json"]):
        out, modules = run_listed(["scan", *words, *form], env, place.folder)
        assert "ret(7)" in out
        assert not heads(modules) & (HEAVY | {"typer", "rich", "orjson"})
        assert len(ours(modules)) <= 25, sorted(ours(modules))


# --- who is not asked


def test_other_settings_that_an_answer_may_show_are_not_asked(place, server):
    words = place.words(["--top", "2"])
    assert is_asked(place, words, TECHNIC_THREADS="1", TECHNIC_PLAN="basic")
    assert not is_asked(place, words, TECHNIC_CACHE="none")
    assert not is_asked(place, words, TECHNIC_DATABASE="postgresql://nobody@127.0.0.1:1/none")
    assert not is_asked(place, words, TECHNIC_PLUGINS="mine=0")
    assert place.either(words, TECHNIC_CACHE="none").returncode == 0


def test_another_store_and_another_home_are_not_asked(place, server, tmp_path):
    assert not is_asked(place, place.words(["--top", "2"], "made"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/kernels").symlink_to(place.home / "cache/kernels")
    assert not is_asked(place, place.words(["--top", "2"]), TECHNIC_HOME=str(tmp_path))


def test_the_same_store_by_another_name_is_asked(place, server):
    (place.folder / "link").symlink_to("real")
    try:
        assert is_asked(place, ["--store", str(place.folder / "link")])
        assert is_asked(place, ["--store", "./real/"])
    finally:
        (place.folder / "link").unlink()


def test_bytes_that_are_no_text_are_left_to_the_command(place, server):
    words = place.words(["--format", "parquet", "--out", "x.parquet"])
    assert not is_asked(place, words)
    assert place.either(words).returncode == 0


def test_a_socket_lets_nobody_else_in(place, server):
    path = socket_of(place)
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.lstat().st_mode) == 0o700
    words = place.words(["--top", "2"])
    for target, mode, back in ((path, 0o666, 0o600), (path.parent, 0o755, 0o700)):
        target.chmod(mode)
        assert not is_asked(place, words)
        target.chmod(back)
        assert is_asked(place, words)


def run_from(source, place, words):
    """A command line of a copy of technic: exit status, and what it said."""
    env = {**place.env, "PYTHONPATH": str(source)}
    code = (
        "import sys\nfrom technic.interfaces.cli import known, main\n"
        "def refuse(*_): sys.exit(7)\nknown._kept = refuse\nsys.argv[0] = 'technic'\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "scan", *words],
        env=env, cwd=place.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_other_code_is_not_asked(place, tmp_path):
    copy = tmp_path / "src"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    words = place.words(["--top", "2"], "made")
    with serving(place, "made", PYTHONPATH=str(copy)):
        assert run_from(copy, place, words)[0] == 0
        assert run_from(SOURCE, place, words)[0] == 7, "another copy of the same code"
        with (copy / "technic/interfaces/render/text.py").open("a") as handle:
            handle.write("# changed\n")
        assert run_from(copy, place, words)[0] == 7, "the same copy, changed since"


# --- a server that fails


def test_a_killed_server_leaves_a_socket_that_nobody_waits_at_and_the_next_one_replaces(place):
    words = place.words(["--top", "3"], "made")
    with serving(place, "made") as running:
        right = said(asked(place, words), place.folder)
        running.kill()
        running.wait()
        assert socket_of(place, "made").exists()
        since = monotonic()
        assert not is_asked(place, words)
        assert monotonic() - since < 1
        left = socket_of(place, "made").lstat().st_ino
    with serving(place, "made") as running:
        until = monotonic() + 60
        while socket_of(place, "made").lstat().st_ino == left and monotonic() < until:
            sleep(0.05)
        assert said(asked(place, words), place.folder)[1][-99:] == right[1][-99:]
        running.terminate()
        running.communicate(timeout=20)
        assert not socket_of(place, "made").exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, None])
def test_a_server_that_hangs_or_dies_in_the_middle_costs_a_second(place, how):
    words = place.words(["--top", "3"], "made")
    with serving(place, "made") as running:
        place.whole(words)
        whole = said(place.whole(words), place.folder)
        running.send_signal(signal.SIGSTOP)  # it takes connections, and says nothing
        if how is not None:
            threading.Timer(0.3, running.send_signal, [how]).start()
        since = monotonic()
        assert not is_asked(place, words)
        assert monotonic() - since < socket_client.SIGN_WITHIN + 1
        assert said(place.either(words), place.folder) == whole


def test_of_two_servers_the_first_answers_and_the_second_does_no_harm(place, server):
    before = socket_of(place).lstat().st_ino
    command = [sys.executable, "-m", "technic", "serve", "--port", "0", "--store", "real"]
    second = subprocess.Popen(
        command, env=place.env, cwd=place.folder, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    for line in second.stdout:
        if "Ctrl-C" in line:
            break
    sleep(2)
    second.terminate()
    second.communicate(timeout=20)
    assert socket_of(place).lstat().st_ino == before
    assert is_asked(place, place.words(["--top", "2"]))


TAKEN = b'{"taken": true}\n'
GOOD = b'{"content": "said elsewhere\\n", "what": "1 row"}\n'
NONSENSE = {
    "nothing": [],
    "noise": [b"\x00\xff" * 50 + b"\n"],
    "not taken": [b'{"taken": false}\n'],
    "a refusal of another kind": [b'"no"\n', GOOD],
    "an end behind the sign": [TAKEN],
    "half an answer": [TAKEN, GOOD[:-9]],
    "an answer and more": [TAKEN, GOOD, GOOD],
    "a number": [TAKEN, b"7\n"],
    "other fields": [TAKEN, b'{"content": "x", "what": "y", "run": "rm"}\n'],
    "other types": [TAKEN, b'{"content": ["x"], "what": "y"}\n'],
    "half of a pair": [TAKEN, b'{"content": "\\ud800", "what": "y"}\n'],
    "half a problem": [TAKEN, b'{"problem": {"why": "x"}}\n'],
    "a problem of numbers": [
        TAKEN, b'{"problem": {"why": 1, "text": "", "start": 0, "hint": ""}}\n',
    ],
    "too deep": [TAKEN, b"[" * 200_000 + b"\n"],
}  # fmt: skip


@contextmanager
def answering(place, store, pieces, *, hold=0.0):
    """A process that is no technic: it answers whatever comes in the same way."""
    path = socket_of(place, store)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    heard = []
    with socket.socket(socket.AF_UNIX) as door:
        with beside.address_of(str(path.parent), path.name) as address:
            door.bind(address)
        path.chmod(0o600)
        door.listen(4)

        def work():
            while True:
                try:
                    line, _ = door.accept()
                except OSError:
                    return
                with line:
                    question = b""
                    while not question.endswith(b"\n") and (piece := line.recv(1 << 20)):
                        question += piece
                    heard.append(question)
                    try:
                        for piece in pieces:
                            line.sendall(piece)
                        sleep(hold)
                    except OSError:
                        pass

        threading.Thread(target=work, daemon=True).start()
        try:
            yield heard
        finally:
            path.unlink(missing_ok=True)
            door.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("pieces", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_no_answer(place, pieces):
    words = place.words(["--top", "3"], "made")
    with answering(place, "made", pieces) as heard:
        assert not is_asked(place, words)
        assert heard


def test_an_answer_is_shown_and_nothing_that_moves_a_cursor(place):
    text = "a \x1b[1mbold\x1b[0m word \x1b[2J \x07\u202e\n"
    answer = json.dumps({"content": text, "what": "1 row"}).encode() + b"\n"
    with answering(place, "made", [TAKEN, answer]):
        shown = asked(place, place.words([], "made")).stdout
    assert shown == "a \x1b[1mbold\x1b[0m word \\u001b[2J \\u0007\\u202e\n"


def test_an_answer_that_is_late_or_never_ends_is_not_waited_for(place, monkeypatch):
    words = place.words(["--top", "3"], "made")
    monkeypatch.setattr(socket_client, "ANSWER_WITHIN", 0.5)
    for pieces in ([TAKEN], [TAKEN, b"x"]):
        since = monotonic()
        with answering(place, "made", pieces, hold=5):
            assert not is_asked(place, words)
        assert monotonic() - since < 3
    monkeypatch.setattr(beside, "MOST_ANSWERED", 1 << 16)
    with answering(place, "made", [TAKEN, b"x" * (1 << 22)], hold=5):
        assert not is_asked(place, words)


def test_what_is_sent_is_what_was_typed_and_no_password(place):
    words = place.words(["mine.toml", "--symbols", "@two.txt"], "made")
    env = {"TECHNIC_DATABASE": "postgresql://me:hunter2@127.0.0.1:1/db"}
    with answering(place, "made", []) as heard:
        place.either(words, **env)
    (line,) = heard
    question = json.loads(line)
    assert b"hunter2" not in line
    assert question["words"] == words
    assert question["symbols"] == place.names
    assert question["text"] == (place.folder / "mine.toml").read_text()


def test_a_home_with_a_long_name_is_no_obstacle(place, kernels, tmp_path):
    home = tmp_path / ("long" * 30)
    (home / "cache").mkdir(parents=True)
    (home / "cache/kernels").symlink_to(kernels)
    far = Place(home, tmp_path)
    assert len(str(socket_of(far))) > 108
    with serving(far):
        assert is_asked(far, far.words(["--top", "2"]))


def test_what_is_damaged_is_never_shown_as_an_answer(place):
    """Every prefix of a right exchange is no answer."""
    words = place.words(["--top", "2"], "made")
    for cut in range(0, len(GOOD), 7):
        with answering(place, "made", [TAKEN, GOOD[:cut]]):
            assert not is_asked(place, words)
    with answering(place, "made", [TAKEN, GOOD]):
        assert asked(place, words).stdout == "said elsewhere\n"
    assert timeless(place.either(words).stdout) != "said elsewhere\n"
    assert os.name == "posix"
