"""Names, words of vendors and of exceptions: shown so that they move no cursor and hide no word."""

from __future__ import annotations

import json
import logging
import os
from unicodedata import category

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.commands import run_command
from technic.data.ingest import FileStore
from technic.errors import MOVING, ConfigError, ProviderError, first_line, printable
from technic.interfaces.render.export import csv_of, safe_csv
from technic.interfaces.render.terminal import Guarded
from technic.runtime import logs
from technic.scanner.scan import scan
from technic.scanner.spec.scan_file import ScanFile

HOSTILE = (
    "Aß\x1b[2J\x1b]0;t\x07\u202eevil\u202c\x9b31m\u2028\rforged\nforged\t\x00[/red]\U000e0041 株"
)


def moves(text):
    """What of a text is no line of plain characters."""
    bad = {c for c in text if category(c) in MOVING and c != "\n"}
    return bad or [line for line in text.split("\n") if line.startswith("forged")]


@given(st.text())
def test_what_is_shown_holds_nothing_that_moves_and_json_means_the_same(text):
    shown = printable(text)
    assert not moves(shown.replace("forged", ""))
    assert "\n" not in shown
    assert printable(shown) == shown
    if text.isprintable():
        assert shown == text
    assert json.loads(printable(json.dumps(text, ensure_ascii=False))) == text


def test_the_first_line_of_an_error_is_one_line_that_can_be_shown():
    assert not moves(first_line(ProviderError(HOSTILE)))
    assert first_line(ValueError()) == "ValueError"


def test_a_guarded_stream_keeps_lines_and_writes_the_rest_out():
    import io

    stream = io.StringIO()
    guard = Guarded(stream)
    print(f"{HOSTILE}", file=guard)
    guard.writelines(["\x1b[1m", "b\n"])
    assert not {c for c in stream.getvalue() if category(c) in MOVING} - {"\n"}
    assert not guard.isatty()


@pytest.fixture(scope="module")
def technic(tmp_path_factory, kernels):
    folder = tmp_path_factory.mktemp("outside")
    (folder / "home/cache").mkdir(parents=True)
    (folder / "home/cache/kernels").symlink_to(kernels, target_is_directory=True)
    env = {**os.environ, "TECHNIC_HOME": str(folder / "home"), "TECHNIC_STORE": "", "NO_COLOR": "1"}

    def run(*arguments):
        return run_command(arguments, env, folder)

    assert run("demo", "--size", "60", "--store", "s").returncode == 0
    store = FileStore(folder / "s")
    symbols = store.panel().who["symbol"].to_list()
    store.import_listings(pl.DataFrame({"symbol": symbols, "name": [HOSTILE] * len(symbols)}))
    store.catalog.watch("mine", symbols[:2], store.version().settled or _now())
    run.folder, run.symbol, run.store = folder, symbols[0], store
    return run


def _now():
    from datetime import UTC, datetime

    return datetime.now(UTC)


COMMANDS = [
    ("scan", "--rank", "ret(5)"),
    ("scan", "--rank", "ret(5)", "--columns", "close,name"),
    ("scan", "--rank", "ret(5)", "--json"),
    *(("scan", "--rank", "ret(5)", "--format", form) for form in ("csv", "json", "tickers", "text")),
    ("explain", "SYMBOL"),
    ("why-not", "SYMBOL"),
    ("diff", "technical-rating"),
    ("universe",),
    ("universe", "--json"),
    ("coverage",),
    ("list", "show", "mine"),
    ("runs",),
    ("features", "rsi(14)", "--symbols", "SYMBOL"),
    ("explain", HOSTILE),
    ("scan", "-e", f"name == '{HOSTILE}'"),
    ("scan", f"{HOSTILE}.toml"),
    ("scan", "--as-of", HOSTILE),
    ("scan", "--store", HOSTILE.replace("\0", "")),
    ("model", HOSTILE),
    ("list", "show", HOSTILE),
    ("scan", "--symbols", HOSTILE),
]  # fmt: skip


@pytest.mark.parametrize(
    "command",
    COMMANDS,
    ids=lambda command: "-".join(command)[:30].encode("ascii", "replace").decode(),
)
def test_no_command_shows_what_moves(technic, command):
    """Table: names in every table, list and export; words of the user and of errors."""
    arguments = [technic.symbol if word == "SYMBOL" else word for word in command]
    done = technic(*arguments)
    assert "Traceback" not in done.stderr
    is_question = "question:" in done.stderr  # shows the line in question, which is the user's own
    assert not moves(done.stdout)
    bad = moves(done.stderr)
    assert not bad or (is_question and not isinstance(bad, set))
    if HOSTILE in arguments and command[0] != "list":
        assert done.returncode


def test_exports_of_a_report_hold_nothing_that_moves(technic):
    report = scan(technic.store, file=ScanFile(rank="ret(5)", columns=("close",), top=5))
    assert report.shown[0].name == HOSTILE  # what is stored stays as it was said
    assert not moves(csv_of(report))
    table = pl.DataFrame({"name": [HOSTILE, "plain", None], "x": [1.0, 2.0, 3.0]})
    assert not moves(safe_csv(table).decode())
    assert b"plain,2.0" in safe_csv(table)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_log_is_one_plain_line_per_event(tmp_path, monkeypatch, as_json):
    logger = logging.getLogger("technic")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", logger.propagate)
    monkeypatch.setattr(logger, "level", logger.level)
    logs.set_up(tmp_path, ["secret-key"], as_json=as_json)
    logger.warning("a vendor said %s", HOSTILE)
    logger.error("it failed", exc_info=ConfigError(HOSTILE))
    for handler in logger.handlers:
        handler.close()
    text = (tmp_path / "technic.log").read_text()
    assert text.count("\n") == 2
    assert not moves(text)
