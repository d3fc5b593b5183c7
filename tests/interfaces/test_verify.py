"""Verification: one value changed anywhere in a report of any kind, and it is never the same."""

from __future__ import annotations

import copy
import json
import random
from datetime import UTC, datetime, timedelta

import orjson
import pytest

import technic as tc
from technic.data.simulated import simulate
from technic.errors import VerifyError
from technic.interfaces.render.backtest import told
from technic.interfaces.render.backtest_page import backtest_page
from technic.interfaces.render.report_page import page
from technic.market.sessions import nyse
from technic.research.backtest.run import backtest, rerun_backtest
from technic.research.track_record import record, rerun_record
from technic.scanner.manifest import seal_of, with_digest
from technic.scanner.scan import rerun
from technic.scanner.scan_sessions import rerun_sessions, scan_sessions
from technic.scanner.spec.scan_file import ScanFile
from technic.scanner.verify import (
    UNREPEATED,
    changed_line,
    check_manifest,
    compare,
    differences,
    first_difference,
    read_sealed,
)

KINDS = ("scan", "sessions", "backtest", "record")
FILE = ScanFile(name="up", rank="ret(5)", universe="close > 2", top=5)


@pytest.fixture(scope="module")
def answers(tmp_path_factory, kernels):
    """By kind: what a file holds, and manifest and content of the question asked again."""
    store = tc.open_store(tmp_path_factory.mktemp("sealed") / "store")
    market = simulate(seed=8, size=60, sessions=120)
    store.import_bars(market.bars, simulated=market.about)
    store.import_listings(market.listings)
    scanned = tc.scan(store, file=FILE)
    last = scanned.as_of
    for back in range(6, 0, -1):
        night = tc.scan(store, file=FILE, as_of=nyse().day(nyse().ordinal(last) - back))
        store.catalog.record_run("daily", "up", night.as_of, night.manifest, datetime.now(UTC))
    rules = {"rank": "ret(5)", "backtest": {"rebalance": "weekly", "hold": 5}}
    traded = backtest(store, ScanFile.of(rules, "up"))
    spanned = scan_sessions(store, last - timedelta(days=8), last, file=FILE)
    recorded = record(store, "up")
    again = {
        "scan": rerun(store, scanned.manifest),
        "sessions": rerun_sessions(store, spanned.manifest),
        "backtest": rerun_backtest(store, traded.manifest),
        "record": rerun_record(store, recorded.manifest),
    }
    first = {"scan": scanned, "sessions": spanned, "backtest": traded, "record": recorded}
    content = {kind: _content(kind, result) for kind, result in first.items()}
    contents = {kind: _content(kind, result) for kind, result in again.items()}
    pages = {
        "scan": (page(scanned), page(again["scan"])),
        "backtest": (backtest_page(traded), backtest_page(again["backtest"])),
    }
    return content, {k: (dict(again[k].manifest), contents[k]) for k in KINDS}, pages


def _content(kind, result):
    return orjson.loads(orjson.dumps(told(result) if kind == "backtest" else result.as_dict()))


def verified(content, again, folder):
    """Whether a file that holds this is called the same answer."""
    path = folder / "report.json"
    path.write_text(json.dumps(content))
    try:
        return not differences(read_sealed(path), *again)
    except VerifyError:
        return False


def leaves(value, path=()):
    """The place of every value that is no container, and of every empty container."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inner:
        if isinstance(part, dict | list) and part:
            yield from leaves(part, (*path, key))
        else:
            yield (*path, key)


def changed(value, rng):
    """Another value, often of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return rng.choice([value + 1, -value - 1e-9, value * (1 + 1e-12) + 1e-12, None, "0"])
    if isinstance(value, str):
        return rng.choice([f"{value} ", value[:-1] + "~", None, value.swapcase() + "x"])
    return rng.choice([0, "x", False, [1]])


def with_change(content, path, rng):
    out = copy.deepcopy(content)
    place = out
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = changed(place[path[-1]], rng)
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_is_the_same_answer_and_with_one_value_changed_it_is_not(kind, answers, tmp_path):
    """Property: a hundred values of each kind, anywhere in the file."""
    content, again = answers[0][kind], answers[1][kind]
    assert verified(content, again, tmp_path)
    rng = random.Random(kind)
    every = list(leaves(content))
    for path in rng.sample(every, min(100, len(every))):
        assert not verified(with_change(content, path, rng), again, tmp_path), path


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_seals_it_anew_is_found_out_all_the_same(kind, answers, tmp_path):
    """Property: the file's digest and the manifest's seal made anew over the changed value."""
    content, again = answers[0][kind], answers[1][kind]
    rng = random.Random(kind)
    every = [path for path in leaves(content) if path[0] not in UNREPEATED and path[-1] != "seal"]
    for path in rng.sample(every, min(100, len(every))):
        forged = with_change(content, path, rng)
        if path[0] == "manifest":
            forged["manifest"]["seal"] = seal_of(forged["manifest"])
        assert not verified(with_digest(forged), again, tmp_path), path


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_out_added_or_swapped_is_a_difference(kind, answers, tmp_path):
    content, again = answers[0][kind], answers[1][kind]
    for name in content:
        fewer = {k: v for k, v in content.items() if k != name}
        if name != "manifest":
            assert not verified(fewer, again, tmp_path), name
    assert not verified(with_digest({**content, "advice": "buy"}), again, tmp_path)
    rows = next(name for name in ("rows", "trades", "nights") if name in content)
    swapped = content[rows][:]
    swapped[0], swapped[1] = swapped[1], swapped[0]
    assert not verified(with_digest({**content, rows: swapped}), again, tmp_path)
    assert not verified(with_digest({**content, rows: content[rows][:-1]}), again, tmp_path)


@pytest.mark.parametrize("kind", ["scan", "backtest"])
def test_a_page_is_made_again_line_by_line(kind, answers, tmp_path):
    text, again = answers[2][kind]
    path = tmp_path / "page.html"
    path.write_text(text)
    sealed = read_sealed(path)
    assert compare(sealed.manifest, answers[1][kind][0]) == []
    assert changed_line(sealed.page, again) == ""
    rng = random.Random(kind)
    for _ in range(100):
        at = rng.randrange(len(text))
        other = text[:at] + rng.choice("0123456789<&x ") + text[at + 1 :]
        assert other == text or changed_line(other, again).startswith("line ")


def test_the_first_difference_is_named(answers, tmp_path):
    content, again = answers[0]["scan"], answers[1]["scan"]
    forged = copy.deepcopy(content)
    forged["rows"][0]["score"] = 99.9
    path = tmp_path / "report.json"
    path.write_text(json.dumps(forged))
    (line,) = differences(read_sealed(path), *again)
    assert line.startswith("rows[0].score is 99.9 here, and ")
    assert first_difference({"a": []}, {"a": [1]}) == (
        "a has 0 entries here, and 1 when it is run again"
    )
    forged = {**content, "timings_ms": {"plan": 0.0}}
    path.write_text(json.dumps(forged))
    assert differences(read_sealed(path), *again)[0].startswith("the answer is the same, but")


HOSTILE = [
    b"", b"[]", b"null", b'"text"', b"{}", b"{", b"[" * 100_000, b'{"a": NaN}', b"\xff\xfe", b"<html>",
    b'{"manifest": 3}', b'{"manifest": {"format": 1}}', b'{"question": {}, "seal": "x"}',
    b'{"a": 1, "a": 2}', b'{"a": "\\ud800"}', b'{"a": 1' + b"0" * 5000 + b"}",
    b'<pre class="manifest">{"format": 1}</pre>', b"<pre class='manifest'>",
]  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_report_is_one_clear_error(content, tmp_path):
    path = tmp_path / "report"
    path.write_bytes(content)
    with pytest.raises(VerifyError, match="report: "):
        read_sealed(path)


def test_a_name_that_stands_twice_is_refused(answers, tmp_path):
    text = json.dumps(answers[0]["scan"])
    assert '"score": ' in text
    path = tmp_path / "report.json"
    path.write_text(text.replace('"score": ', '"score": 99.9, "score": ', 1))
    with pytest.raises(VerifyError, match="twice"):
        read_sealed(path)


SPELLINGS = [  # the same number, and some that readers may take for it
    "{}0", "{}00000000000000000001", "{}e0", "{}E0", "{}e-0",
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_number_that_is_written_otherwise_is_not_the_same_answer(
    answers, tmp_path, spelling, indent
):
    content, again = answers[0]["scan"], answers[1]["scan"]
    text, score = json.dumps(content, indent=indent), repr(content["rows"][0]["score"])
    assert f'"score": {score}' in text
    path = tmp_path / "report.json"
    path.write_text(text)
    assert differences(read_sealed(path), *again) == []
    path.write_text(text.replace(f'"score": {score}', f'"score": {spelling.format(score)}', 1))
    with pytest.raises(VerifyError, match=f"holds {score}.*not how a number is written"):
        read_sealed(path)


@pytest.mark.parametrize(
    ("written", "otherwise"),
    [("10", "1e1"), ("10", "10.0"), ("10.0", "1e1"), ("14.9", "14.90"), ("0.0", "-0.0"),
     ("0.0", "-0"), ("0", "-0"), ("1", "true"), ("null", "NaN"), ("null", "Infinity"),
     ("null", "1e999"), ("null", "-Infinity"), ("9007199254740993", "9007199254740993.0"),
     ("0.1", "0.1000000000000000055511151231257827"), ("1e-7", "0.0000001"), ("1e22", "1E22"),
     ("5e-324", "3e-324")],
)  # fmt: skip
def test_no_two_spellings_of_a_number_are_one_value(answers, tmp_path, written, otherwise):
    """Whatever a file holds, another spelling of it is refused, or is a difference."""
    content, (manifest, again) = answers[0]["scan"], answers[1]["scan"]
    path, value = tmp_path / "report.json", json.loads(written)
    sealed = with_digest({**content, "extra": value})
    assert verified(sealed, (manifest, {**again, "extra": value}), tmp_path)
    text = json.dumps({**sealed, "extra": "here"}).replace('"here"', otherwise)
    path.write_text(text)
    try:
        found = differences(read_sealed(path), manifest, {**again, "extra": value})
    except VerifyError:
        return
    assert found[0].startswith("extra is ")


@pytest.mark.parametrize(
    ("layout", "says"), [(99, "upgrade"), ("2", "upgrade"), (None, "upgrade"), (1, "make it anew")]
)
def test_a_manifest_of_another_format_says_so(answers, layout, says):
    manifest = {**answers[0]["scan"]["manifest"], "format": layout}
    with pytest.raises(VerifyError, match=says):
        check_manifest(manifest, "x")
