"""The quick path says what the whole way says, byte for byte, and is only there when it may be."""

from __future__ import annotations

import json

import orjson
import polars as pl
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from support.commands import run_command
from support.places import FILE, QUESTIONS, STRANGE, Place, in_a_terminal, said
from technic.interfaces.cli import known
from technic.interfaces.cli.table import command_line

LIST = 'name = "mine"\nwhere = "not in_list(\'held\')"\n'


@pytest.fixture(scope="module")
def place(home, tmp_path_factory):
    return Place(home, tmp_path_factory.mktemp("here"))


@pytest.fixture
def fresh(tmp_path, kernels):
    """A place of its own, for what changes or damages it."""
    home = tmp_path / "home"
    (home / "cache").mkdir(parents=True)
    (home / "cache/kernels").symlink_to(kernels)
    return Place(home, tmp_path)


@pytest.mark.parametrize("store", ["real", "made"])
@pytest.mark.parametrize("words", QUESTIONS, ids=" ".join)
def test_the_quick_path_and_the_whole_way_print_the_same_bytes(place, words, store):
    words = place.words(words, store)
    place.whole(words)  # now the report is kept
    for env in ({}, {"TECHNIC_THREADS": "1"}):
        whole = said(place.whole(words, **env), place.folder)
        assert whole[0] == 0, whole
        assert said(place.quick(words, **env), place.folder) == whole


@pytest.mark.parametrize("words", STRANGE, ids=ascii)
def test_mistakes_and_strange_spellings_are_answered_in_the_same_words(place, words):
    words = [*words, "--store", "real"]
    place.whole(words)
    whole = said(place.whole(words), place.folder)
    assert said(place.either(words), place.folder) == whole


def test_the_store_that_settings_name_is_told_above_the_answer(place):
    env = {"TECHNIC_STORE": str(place.folder / "made")}
    place.whole(["--top", "2"], **env)
    whole = said(place.whole(["--top", "2"], **env), place.folder)
    assert whole[1].startswith("Store ")
    assert said(place.quick(["--top", "2"], **env), place.folder) == whole
    (place.folder / "technic.toml").write_text('store = "real"\n')
    try:
        place.whole(["--top", "2"])
        whole = said(place.whole(["--top", "2"]), place.folder)
        assert "real (technic.toml)" in whole[1]
        assert said(place.quick(["--top", "2"]), place.folder) == whole
    finally:
        (place.folder / "technic.toml").unlink()


def test_every_answer_of_the_whole_way_is_one_of_the_same_seal(place):
    words = place.words(["--json", "--top", "7"])
    first = json.loads(place.whole(words).stdout)
    known_one = json.loads(place.quick(words).stdout)
    assert known_one["manifest"] == first["manifest"]
    assert known_one["rows"] == first["rows"]
    assert known_one["regime"] == first["regime"]


@pytest.mark.parametrize("kind", ["signpost", "report"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "another", "gone"])
def test_what_is_damaged_is_not_believed(fresh, kind, damage):
    words = ["--top", "3", "--store", "made"]
    fresh.whole(["--top", "4", "--store", "made"])  # another question's
    other = fresh.kept(kind)
    right = said(fresh.whole(words), fresh.folder)
    right = said(fresh.whole(words), fresh.folder)
    (mine,) = set(fresh.kept(kind)) - set(other)
    content = bytearray(mine.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "gone":
        mine.unlink()
    else:
        new = {
            "flipped": bytes(content), "cut": bytes(content[:-9]), "empty": b"",
            "another": other[0].read_bytes(),
        }  # fmt: skip
        mine.write_bytes(new[damage])
    fresh.cache.tiers[0].clear()
    assert not fresh.is_known(words)
    fresh.either(words)
    fresh.cache.flush()
    assert said(fresh.quick(words), fresh.folder) == right, "it is kept anew"


def test_a_signpost_to_a_report_of_another_seal_is_not_followed(fresh):
    words = ["--store", "made"]
    fresh.whole(words)
    (report,) = fresh.kept("report")
    key = f"report/{report.name}"
    content = orjson.loads(fresh.cache.get(key))
    content["rows"][0]["rank"], content["manifest"]["store_version"] = 9, "1-0000000000000000"
    fresh.cache.put(key, orjson.dumps(content))
    fresh.cache.flush()
    assert not fresh.is_known(words)


def test_what_changes_an_answer_makes_it_unknown(fresh):
    words = ["mine.toml", "--store", "real"]
    fresh.whole(words)
    assert fresh.is_known(words)
    (fresh.folder / "mine.toml").write_text(FILE.replace("70", "60"))
    assert not fresh.is_known(words), "another question under the same name"
    (fresh.folder / "mine.toml").write_text(FILE)
    assert fresh.is_known(words), "the same once more"
    listings = pl.DataFrame({"symbol": fresh.names, "sector": ["Energy", "Energy"]})
    fresh.real.import_listings(listings)
    assert not fresh.is_known(words), "other listings"
    fresh.whole(words)
    assert fresh.is_known(words)
    assert not fresh.is_known(["mine.toml", "--store", "made"]), "another store"


def test_what_its_user_may_change_at_any_time_is_never_known(fresh):
    env = {**fresh.env}
    run_command(["list", "add", "held", fresh.names[0], "--store", "real"], env, fresh.folder)
    (fresh.folder / "held.toml").write_text(LIST)
    for words in (["held.toml"], ["-e", "in_list('held')"]):
        assert fresh.whole([*words, "--store", "real"]).returncode == 0
        assert not fresh.is_known([*words, "--store", "real"])
    assert fresh.kept("signpost") == []


def test_without_a_cache_nothing_is_known(fresh):
    words = ["--store", "real"]
    fresh.whole(words)
    assert fresh.is_known(words)
    assert not fresh.is_known(words, TECHNIC_CACHE="none")
    assert not fresh.is_known(words, TECHNIC_CACHE="memory")


def spelled():
    """Command lines of what the quick path knows, what it does not, and anything at all."""
    word = st.sampled_from([
        *known.VALUES, "--json", "--keep", "--from", "--top=3", "-erank", "--", "-", "5", "0", "1e3",
        "005", "csv", "json", "leaders", "a.toml", "./b.toml", "2026-11-20", "A,B", "--help",
    ])  # fmt: skip
    return st.lists(word | st.text(max_size=4), max_size=7)


SCAN = typer.main.get_command(command_line(["scan"])).commands["scan"]


@given(spelled())
def test_words_are_read_as_typer_reads_them(words):
    read = known.read_words(words)
    if read is None:
        return
    with SCAN.make_context("scan", list(words)) as context:
        given_words = {k: v for k, v in context.params.items() if v not in {None, False}}
    expected = {**read.values, "form": read.values.get("form", "table")}
    for name, kind in (("top", int), ("file", known.Path), ("out", known.Path)):
        if name in expected:
            expected[name] = kind(expected[name])
    if read.as_json:
        expected["as_json"] = True
    assert given_words == expected


def test_the_options_that_are_read_are_those_of_the_command():
    options = {name: one for one in SCAN.params for name in one.opts}
    for spelling, name in known.VALUES.items():
        assert options[spelling].name == name
    unread = {one.name for one in SCAN.params} - set(known.VALUES.values())
    assert unread == {
        "file", "as_json", "first", "last", "executor", "keep", "save", "alert", "help",
    } - ({"help"} - unread)  # fmt: skip


@pytest.mark.parametrize(("columns", "colour"), [(60, "1"), (140, "")])
def test_in_a_terminal_of_any_width_the_same_is_shown(place, columns, colour):
    words = place.words(["--top", "4"], "made")
    place.whole(words)
    assert place.is_known(words)
    env = {"NO_COLOR": colour, "TERM": "xterm-256color"}
    quick = in_a_terminal(place, columns, ["scan", *words], **env)
    whole = in_a_terminal(place, columns, ["--log-json", "scan", *words], **env)
    assert quick == whole
    assert ("33m" in quick) == (not colour), "the mark of a simulated market is yellow"


def test_a_known_report_is_shown_in_the_form_that_is_asked_for_now(place):
    words = place.words(["--top", "6"])
    place.whole(words)
    tickers = place.quick([*words, "--format", "tickers"]).stdout.split()
    assert len(tickers) == 6
    assert place.quick([*words, "--format", "csv"]).stdout.count("\n") == 7


def test_a_known_report_can_become_a_frame(place):
    words = place.words(["--format", "parquet", "--top", "6", "--out", "six.parquet"])
    place.whole(words)
    whole = pl.read_parquet(place.folder / "six.parquet")
    place.quick(words)
    assert pl.read_parquet(place.folder / "six.parquet").equals(whole)
    assert whole.height == 6
