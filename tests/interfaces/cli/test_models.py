"""Commands that train, backtest and look back, in processes: what a new user would type."""

from __future__ import annotations

import json
import os

import pytest

from support.commands import run_command

SPEC = """
model = "ridge"
universe = ""
features = ["ret(5)", "ret(21)", "rsi(14)", "realized_vol(20)"]
baselines = ["-ret(5)"]
"""
SCAN = """
name = "mine"
rank = "ret(21)"
universe = "close >= 2"
[backtest]
rebalance = "monthly"
hold = 5
"""


@pytest.fixture(scope="module")
def technic(tmp_path_factory, kernels):
    home = tmp_path_factory.mktemp("home")
    (home / "cache").mkdir()
    (home / "cache/kernels").symlink_to(kernels, target_is_directory=True)

    def run(*arguments, code=0):
        own = {**os.environ, "TECHNIC_HOME": str(home), "NO_COLOR": "1"}
        done = run_command(arguments, own, home)
        assert done.returncode == code, f"{arguments}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout if not code else done.stderr

    run("demo", "--size", "150")
    (home / "spec.toml").write_text(SPEC)
    (home / "mine.toml").write_text(SCAN)
    run.home = home
    return run


def test_a_model_is_trained_shown_and_used(technic):
    found = json.loads(technic("train", "spec.toml", "--json", "-o", "card.html"))
    assert found["gate"]["passed"] is False
    assert found["gate"]["reason"] == "span"
    page = (technic.home / "card.html").read_text()
    assert "no measured edge" in page
    assert "<script" not in page
    text = technic("models")
    assert "no measured edge" in text
    assert found["model"][:12] in text
    shown = technic("model", found["model"][:8], "--use")
    assert "✗ span" in shown
    assert "forecasts from now on" in shown
    rows = json.loads(technic("scan", "--rank", "alpha", "--top", "3", "--json"))
    assert rows["manifest"]["question"]["model"] == found["model"]
    (technic.home / "report.json").write_text(json.dumps(rows))
    assert "the same answer, byte for byte" in technic("verify", "report.json")
    assert "others" not in technic("explain", rows["rows"][0]["symbol"], "--rank", "alpha")
    assert "train" in technic("trials")


def test_the_shipped_training_file_is_printed_and_is_one(technic):
    import tomllib

    assert tomllib.loads(technic("train", "--print"))["spans"]["train"] == 1260


@pytest.mark.slow
def test_a_scan_file_is_backtested_and_verified(technic):
    text = technic("backtest", "mine.toml", "-o", "note.html")
    for words in ("SIMULATED MARKET", "Costs:", "Trials:", "Survivors:", "Vanishing names:"):
        assert words in text
    assert "<svg" in (technic.home / "note.html").read_text()
    found = technic("backtest", "mine.toml", "--json", "--executor", "processes:2")
    assert json.loads(found)["verdict"]
    (technic.home / "bt.json").write_text(found)
    assert "the same answer, byte for byte" in technic("verify", "bt.json")
    assert "the same answer, byte for byte" in technic("verify", "note.html")
    tampered = json.loads(found)
    tampered["performance"]["sharpe"] = 3.0
    (technic.home / "bad.json").write_text(json.dumps(tampered))
    assert "performance.sharpe is 3.0 here" in technic("verify", "bad.json", code=1)
    tampered = json.loads(found)
    tampered["manifest"]["question"]["trials"] = 7
    (technic.home / "bad.json").write_text(json.dumps(tampered))
    assert "changed after it was sealed" in technic("verify", "bad.json", code=1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("train", "nosuch.toml"), "no such file"),
        (("train", "-o", "card.pdf"), "is HTML"),
        (("model", "zzzz"), "no such model"),
        (("backtest", "nosuch"), "no scan is saved under that name"),
        (("backtest", "mine.toml", "--from", "soon"), "--from: 'soon' is no date"),
        (
            ("backtest", "mine.toml", "--from", "1999-01-04", "--to", "1999-03-01"),
            "holds no session",
        ),
        (("backtest", "mine.toml", "-o", "x.txt"), "is HTML"),
        (("record", "nosuch"), "kept no report"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(technic, arguments, says):
    line = technic(*arguments, code=1)
    assert says in line
    assert len(line.strip().splitlines()) == 1
