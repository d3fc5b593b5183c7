"""Scores of the user's own: they run only when trusted, see what they may, and lose no scan."""

from __future__ import annotations

import json
import os
from datetime import date

import numpy as np
import polars as pl
import pytest

import technic as tc
from support.commands import run_command
from support.plugins import CODE, NAMES
from technic.errors import ConfigError, VerifyError
from technic.market.sessions import nyse
from technic.runtime.settings import Settings
from technic.scanner.columns import plugin_registry, plugins
from technic.scanner.scan import rerun


@pytest.fixture
def settings(tmp_path, kernels):
    env = {**os.environ, "TECHNIC_HOME": str(tmp_path / "home"), "TECHNIC_EXECUTOR": "processes:2"}
    (tmp_path / "home" / "cache").mkdir(parents=True)
    (tmp_path / "home" / "cache" / "kernels").symlink_to(kernels)
    return Settings.load(env)


def trusted(settings, *names):
    for name in names:
        plugin_registry.trust(settings, name)
    env = {**os.environ, "TECHNIC_HOME": settings.value("home"), "TECHNIC_EXECUTOR": "processes:2"}
    return Settings.load(env)


@pytest.fixture
def store(tmp_path):
    made = tc.open_store(tmp_path / "store")
    last = nyse().ordinal(date(2024, 3, 8))
    days = [nyse().day(last - k) for k in range(29, -1, -1)]
    rng = np.random.default_rng(1)
    rows = [
        {"symbol": f"S{i:02d}", "date": day, "open": c, "high": c * 1.01, "low": c * 0.99,
         "close": c, "volume": 1e6}
        for i in range(12)
        for day, c in zip(days, 20.0 + i + rng.random(30), strict=True)
    ]  # fmt: skip
    made.import_bars(pl.DataFrame(rows))
    return made


def values(report, name):
    return dict(zip(report.rows["symbol"], report.rows[f"python('{name}')"], strict=True))


def asked(store, settings, name, **more):
    return tc.scan(store, rank="close", columns=[f"python('{name}')"], settings=settings, **more)


def test_a_score_of_ones_own_is_a_column_a_clause_and_a_rank(package, store, settings):
    settings = trusted(settings, "mean_close")
    panel = store.panel()
    want = {
        symbol: panel.panel.run(i, "close").mean() for i, symbol in enumerate(panel.who["symbol"])
    }
    report = tc.scan(store, where="python('mean_close') > 25", rank="python('mean_close')",
                     columns=["python('mean_close')"], settings=settings)  # fmt: skip
    assert values(report, "mean_close") == {s: v for s, v in want.items() if v > 25}
    assert report.notes == ()


def test_it_sees_nothing_after_the_session(package, store, settings):
    settings = trusted(settings, "last_of")
    day = nyse().day(nyse().ordinal(date(2024, 3, 8)) - 7)
    found = values(asked(store, settings, "last_of", as_of=day), "last_of")
    assert set(found.values()) == {float(np.datetime64(day, "D").astype(int))}


def test_code_that_was_not_trusted_does_not_run(package, store, settings):
    with pytest.raises(ConfigError, match="technic plugins trust mean_close"):
        asked(store, settings, "mean_close")


def test_code_that_changed_since_does_not_run(package, store, settings):
    settings = trusted(settings, "mean_close")
    (package / "minescores" / "scores.py").write_text(CODE + "\n# another line\n")
    with pytest.raises(ConfigError, match="changed since you trusted it"):
        asked(store, settings, "mean_close")


@pytest.mark.parametrize("call", ["python ('mean_close')", "python(#\n'mean_close')"])
def test_no_spelling_is_answered_by_code_that_changed_or_lost_its_trust(
    package, store, settings, call
):
    settings = trusted(settings, "mean_close")
    rank = f"{call} + 0"
    first = tc.scan(store, rank=rank, settings=settings)
    code = package / "minescores" / "scores.py"
    code.write_text(CODE.replace("return bars.close.mean()", "return -bars.close.mean()"))
    with pytest.raises(ConfigError, match="changed"):
        tc.scan(store, rank=rank, settings=settings)
    settings = trusted(settings, "mean_close")
    second = tc.scan(store, rank=rank, settings=settings)
    assert second.rows["score"].to_list() == [-s for s in reversed(first.rows["score"].to_list())]
    plugin_registry.trust(settings, "mean_close", trusted=False)
    env = {**os.environ, "TECHNIC_HOME": settings.value("home")}
    with pytest.raises(ConfigError, match="not trusted"):
        tc.scan(store, rank=rank, settings=Settings.load(env))


def test_a_plugin_that_is_not_there_is_said_not_to_be(package, store, settings):
    with pytest.raises(ConfigError, match="no such plugin"):
        asked(store, settings, "nonesuch")


@pytest.mark.parametrize(
    ("name", "lost", "why"),
    [
        ("raises", ["S03"], "ValueError: no such thing"),
        ("mutates", [f"S{i:02d}" for i in range(12)], "read-only"),
        ("text", [f"S{i:02d}" for i in range(12)], "a score is a number, not str"),
        pytest.param("exits", ["S05"], "code 3", marks=pytest.mark.slow),
        pytest.param("segfaults", ["S05"], "SIGSEGV", marks=pytest.mark.slow),
        ("spins", ["S05"], "took longer than 2 s"),
    ],
)
def test_what_goes_wrong_is_unknown_for_its_symbol_counted_and_the_scan_goes_on(
    package, store, settings, name, lost, why
):
    settings = trusted(settings, name)
    report = asked(store, settings, name)
    found = values(report, name)
    assert sorted(s for s, v in found.items() if v is None) == lost
    assert len(found) == 12
    (note,) = report.notes
    assert why in note
    assert f"unknown for {len(lost)}" in note


@pytest.mark.parametrize(("name", "unknown"), [("infinite", 1), ("none", 12), ("prints", 0)])
def test_no_number_is_unknown_and_words_are_ignored(package, store, settings, name, unknown):
    report = asked(store, trusted(settings, name), name)
    assert sum(v is None for v in values(report, name).values()) == unknown


def test_it_sees_none_of_the_users_secrets(package, store, settings, monkeypatch):
    monkeypatch.setenv("MASSIVE_API_KEY", "canary")
    found = values(asked(store, trusted(settings, "peeks"), "peeks"), "peeks")
    assert set(found.values()) == {0.0}


def test_an_answer_names_the_code_it_was_made_with(package, store, settings):
    settings = trusted(settings, "mean_close")
    report = asked(store, settings, "mean_close")
    manifest = json.loads(json.dumps(report.manifest))
    assert list(manifest["question"]["plugins"]) == ["mean_close"]
    assert rerun(store, manifest, settings).manifest["seal"] == manifest["seal"]
    manifest["question"]["plugins"]["mean_close"] = "0" * 32
    with pytest.raises(VerifyError, match="not the code"):
        rerun(store, manifest, settings)


def test_what_was_computed_once_is_kept_by_the_digest_of_the_code(package, store, settings):
    settings = trusted(settings, "mean_close")
    first = asked(store, settings, "mean_close")
    plugins._executor.cache_clear()
    assert asked(store, settings, "mean_close").manifest["seal"] == first.manifest["seal"]
    assert plugins._executor.cache_info().misses == 0


def test_the_commands_list_trust_and_forget(package, settings, tmp_path):
    home = settings.value("home")

    def technic(*arguments, code=0):
        own = {**os.environ, "TECHNIC_HOME": home}
        done = run_command(["plugins", *arguments], own, tmp_path)
        assert done.returncode == code, done.stderr
        return done.stdout if not code else done.stderr

    listed = technic("list").splitlines()
    assert [line.split()[0] for line in listed] == sorted(NAMES)
    assert "may not run: technic plugins trust none" in next(x for x in listed if "none" in x)
    said = technic("trust", "none").splitlines()
    assert said[0].startswith("none may run as it is now (minescores.scores:none, ")
    assert said[1] == """Next: technic scan --rank "python('none')\""""
    assert [p["name"] for p in json.loads(technic("list", "--json")) if p["trusted"]] == ["none"]
    assert technic("forget", "none") == "none may not run\n"
    assert "may run" not in technic("list").replace("may not run", "")
    assert "no such plugin is installed" in technic("trust", "nonesuch", code=1)


@pytest.mark.slow
def test_a_score_that_forks_answers_for_itself_alone(package, store, settings):
    found = values(asked(store, trusted(settings, "forks"), "forks"), "forks")
    assert set(found.values()) == {30.0}
    settings = trusted(settings, "mean_close")
    assert min(values(asked(store, settings, "mean_close"), "mean_close").values()) > 20.0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["always_exits", "always_slow"])
def test_a_score_that_never_answers_is_given_up_and_left_alone_for_a_while(
    package, store, settings, name, monkeypatch
):
    monkeypatch.setattr(plugins, "STRETCH", 4)
    monkeypatch.setattr(plugins, "MOST_SLOW", 8)
    settings = trusted(settings, name)
    report = asked(store, settings, name)
    assert all(value is None for value in values(report, name).values())
    assert any("given up" in note for note in report.notes)
    lost = plugins._executor("processes:2").lost
    (note,) = asked(store, settings, name).notes
    assert "unknown for 12" in note
    assert plugins._executor("processes:2").lost == lost  # nothing was tried
