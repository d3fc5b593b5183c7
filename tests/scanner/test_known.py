"""Signposts: what their key holds, and how old the store is that they lead to."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest

import technic as tc
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.market.sessions import nyse
from technic.runtime.settings import Settings
from technic.scanner.known import SESSIONS_AHEAD, Typed, find, post, signpost_key

OTHER = {
    "file": "momentum-leaders", "where": "close > 1", "universe": "liquid", "rank": "ret(5)",
    "top": 3, "columns": "close", "symbols": ("A",), "as_of": "2026-11-20",
    "known_at": "2026-11-20T21:00:00Z",
}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = FileStore(tmp_path_factory.mktemp("real"))
    made.import_bars(simulate(seed=5, size=20, sessions=40).bars)
    return made


@pytest.fixture
def settings(home):
    return Settings.load({"TECHNIC_HOME": str(home)})


def test_everything_that_was_typed_is_in_the_key(store):
    place = str(store.folder)
    keys = {signpost_key(replace(Typed(), **{name: value}), place) for name, value in OTHER.items()}
    assert set(OTHER) == {field.name for field in fields(Typed)}
    assert len(keys | {signpost_key(Typed(), place)}) == len(OTHER) + 1
    assert "" not in keys


def test_the_text_of_a_scan_file_is_in_the_key_and_its_time_is_not(store, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("top = 3\n")
    typed, place = Typed(file=str(path)), str(store.folder)
    before = signpost_key(typed, place)
    path.write_text("top = 4\n")
    assert signpost_key(typed, place) not in {before, ""}
    path.write_text("top = 3\n")
    assert signpost_key(typed, place) == before


@pytest.mark.parametrize("what", ["nothing", "object storage", "a file", "a damaged record"])
def test_where_no_version_can_be_read_there_is_no_key(store, tmp_path, what):
    place = {"object storage": "s3://bucket/market", "a file": __file__}.get(what, str(tmp_path))
    if what == "a damaged record":
        (tmp_path / "versions").mkdir()
        (tmp_path / "versions/00000001.json").write_text("{")
    assert signpost_key(Typed(), place) == ""


@pytest.mark.parametrize("text", [None, "top = 3\n" * 200_000, b"\xff\xfe"])
def test_a_scan_file_that_cannot_be_read_gives_no_key(store, tmp_path, text):
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert signpost_key(Typed(file=str(path)), str(store.folder)) == ""


def test_a_signpost_says_how_old_the_store_is_or_nothing(store, settings):
    version, cache = store.version(), settings.cache
    report = replace(tc.scan(store, settings=settings), regime={"lines": []})
    key = signpost_key(Typed(), str(store.folder))
    post(key, report, version, cache)
    cache.flush()
    last = nyse().ordinal(version.last)
    for hours in range(-48, 24 * 20, 5):
        now = datetime.combine(version.last, datetime.min.time(), UTC) + timedelta(hours=hours)
        found, behind = find(key, cache, now, perf_counter()), nyse().last_finished(now) - last
        if behind >= SESSIONS_AHEAD:
            assert found is None
        else:
            assert (found.last, found.behind) == (version.last, max(behind, 0))
            assert found.report.manifest == report.manifest


def test_a_report_that_no_cache_keeps_gets_no_signpost(store, settings):
    report = tc.scan(store, top=2, settings=settings.uncached())
    key = signpost_key(Typed(top=2), str(store.folder))
    post(key, replace(report, kept_as=""), store.version(), settings.cache)
    post("", replace(report, kept_as="report/aa"), store.version(), settings.cache)
    settings.cache.flush()
    assert settings.cache.peek(key) is None
