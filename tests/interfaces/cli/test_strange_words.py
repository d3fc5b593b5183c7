"""Words that nobody would type: one clear line and an exit code, never a traceback."""

from __future__ import annotations

import os

import pytest

import technic as tc
from support.commands import run_command
from technic.compute.incremental_check import prove
from technic.data.simulated import simulate
from technic.errors import SpanError, TechnicError
from technic.runtime.settings import Settings

MANY = "9" * 30
EARLY, LATE = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"
LONG = "a" * 5_000
DIGITS = "0x" + "f" * 5_000  # as a decimal it has more digits than Python writes


@pytest.fixture(scope="module")
def store(tmp_path_factory, kernels):
    market = simulate(seed=3, size=12, sessions=30)
    made = tc.open_store(tmp_path_factory.mktemp("strange") / "store")
    made.import_bars(market.bars, simulated=market.about)
    return made


@pytest.mark.parametrize(
    "words",
    [
        ("scan", "--known-at", EARLY), ("scan", "--known-at", LATE), ("scan", "--as-of", "0001-01-01"),
        ("scan", "--top", MANY), ("features", "close", "--last", MANY),
        ("verify", "--incremental", "--nights", MANY), ("keys", "create", "x", "--days", MANY),
        ("scan", "-e", "close > \udcff"), ("scan", "--rank", "close + '\udcff'"), ("scan", LONG),
        ("coverage", "--store", f"/{LONG}"), ("backup", f"/{LONG}"), ("verify", f"{LONG}.json"),
        ("scan", "digits.toml"), ("scan", "--executor", "threads:²", "--from", "2020-01-02"),
    ],
    ids=lambda words: " ".join(words)[:40].encode("ascii", "replace").decode(),
)  # fmt: skip
def test_strange_words_end_in_one_clear_line(words, store, home, tmp_path):
    (tmp_path / "digits.toml").write_text(f"params = {{ x = {DIGITS} }}\n")
    env = {**os.environ, "TECHNIC_HOME": str(home), "TECHNIC_STORE": str(store.folder)}
    done = run_command(words, env, tmp_path)
    assert done.returncode in {1, 2}
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_a_settings_file_of_too_many_digits_is_one_clear_line(tmp_path):
    (tmp_path / "technic.toml").write_text(f"threads = {DIGITS}\n")
    done = run_command(["config", "show"], {"TECHNIC_HOME": str(tmp_path)}, tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("text", [EARLY, LATE])
def test_an_instant_that_is_none_in_utc_is_refused_wherever_it_comes_from(store, text):
    from datetime import datetime

    with pytest.raises(SpanError, match="no instant"):
        tc.scan(store, known_at=datetime.fromisoformat(text))


def test_a_number_above_64_bits_is_refused_in_python_too(store):
    with pytest.raises(TechnicError):
        tc.scan(store, top=10**30)


@pytest.mark.slow
def test_as_many_nights_are_replayed_as_there_are(store, kernels, home):
    proof = prove(store, Settings.load({"TECHNIC_HOME": str(home)}), nights=1_000)
    assert proof.nights == 30
    assert proof.differing == 0
