"""A home, a folder and two stores, where command lines are run; and what they say, without times."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from support.commands import run_command
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.interfaces.cli import table
from technic.market.sessions import nyse
from technic.runtime.settings import Settings

SESSIONS = 270  # so many that every symbol can be rated
FILE = 'name = "mine"\nwhere = "rsi(14) < 70"\ntop = 4\n'
# What was typed; {day} is an older session, {one} and {two} are symbols.
QUESTIONS = [
    [],
    ["--top", "3"],
    ["momentum-leaders"],
    ["mine.toml"],
    ["./mine.toml", "--top", "2"],
    ["-e", "rsi(14) < 60 and close > 1", "--universe", "liquid"],
    ["--where", "rsi(14) < 0"],
    ["--rank", "ret(21)", "--columns", "close, macd(12, 26, 9), rsi(14)"],
    ["--as-of", "{day}"],
    ["--as-of", "{day}", "--known-at", "{day}"],
    ["--symbols", "{one},{two}"],
    ["--symbols", "@two.txt"],
    ["--format", "csv"],
    ["--format", "tickers", "--top", "5"],
    ["--json"],
    ["--format", "json", "--as-of", "{day}"],
    ["--format", "html", "--out", "answer.html"],
    ["--format", "csv", "--out", "answer.csv"],
    ["--out", "answer.txt"],
]

STRANGE = [
    ["--top", "0"],
    ["--top", "three"],
    ["--top"],
    ["--format", "nope"],
    ["nobodys-preset"],
    ["none.toml"],
    ["-e", "rsi(14"],
    ["-e", ""],
    ["--as-of", "2026-13-01"],
    ["--as-of", "1999-01-04"],
    ["--known-at", "yesterday"],
    ["--bogus"],
    ["--json", "--json"],
    ["one.toml", "two.toml"],
    ["--symbols", "@nobody.txt"],
    ["--symbols", ","],
    ["--columns", "close, nope(3)"],
    ["--out", "no/such/folder/x.csv", "--format", "csv"],
    ["-e", "\udcff"],
]


class Place:
    """A home, a folder and two stores; runs command lines there."""

    def __init__(self, home, folder):
        self.home, self.folder = home, folder
        self.market = simulate(seed=5, size=30, sessions=SESSIONS)
        self.real, self.made = FileStore(folder / "real"), FileStore(folder / "made")
        self.real.import_bars(self.market.bars)
        self.made.import_bars(self.market.bars, simulated=self.market.about)
        self.env = {**os.environ, "TECHNIC_HOME": str(home), "NO_COLOR": "1"}
        self.cache = Settings.load({"TECHNIC_HOME": str(home)}).cache
        (folder / "mine.toml").write_text(FILE)
        self.names = sorted(self.market.bars["symbol"].unique())[:2]
        (folder / "two.txt").write_text("\n".join(self.names))

    def words(self, words, store="real"):
        one, two = self.names
        day = nyse().day(nyse().ordinal(self.real.version().last) - 9)
        return [w.format(day=day, one=one, two=two) for w in words] + ["--store", store]

    def whole(self, words, **env):
        """The whole way: an option before the command is none that the quick path reads."""
        done = run_command(["--log-json", "scan", *words], {**self.env, **env}, self.folder)
        self.cache.flush()
        return done

    def either(self, words, **env):
        return run_command(["scan", *words], {**self.env, **env}, self.folder)

    def quick(self, words, **env):
        """The quick path; the whole way is an error."""

        def refuse(_words):
            raise AssertionError(f"{words}: went the whole way")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(table, "command_line", refuse)
            return self.either(words, **env)

    def is_known(self, words, **env):
        try:
            self.quick(words, **env)
        except AssertionError:
            return False
        return True

    def kept(self, kind):
        return sorted(p for p in (self.home / "cache/values" / kind).rglob("*") if p.is_file())


def timeless(text):
    """A text without what it took: milliseconds, and what the caches did."""
    if text.startswith("{"):
        content = json.loads(text)
        assert set(content.pop("timings_ms")) <= {"understand", "found"}
        for name in ("work", "digest"):
            content.pop(name)
        return json.dumps(content)
    text = re.sub(r"(understand|found) \d+", r"\1 0", text)
    return re.sub(r"\d+ ms", "0 ms", text)


def said(done, folder):
    files = {p.name: timeless(p.read_text()) for p in folder.glob("answer.*")}
    return done.returncode, timeless(done.stdout), done.stderr, files


IN_A_TERMINAL = """
import fcntl, os, pty, struct, subprocess, sys, termios
leader, follower = pty.openpty()
fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, int(sys.argv[1]), 0, 0))
command = [sys.executable, "-m", "technic", *sys.argv[2:]]
running = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower)
os.close(follower)
shown = b""
while True:
    try:
        piece = os.read(leader, 1 << 16)
    except OSError:
        break
    if not piece:
        break
    shown += piece
sys.stdout.buffer.write(shown)
sys.exit(running.wait())
"""


def in_a_terminal(place, columns, words, **env):
    done = subprocess.run(
        [sys.executable, "-c", IN_A_TERMINAL, str(columns), *words],
        env={**place.env, **env}, cwd=place.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return timeless(done.stdout)
