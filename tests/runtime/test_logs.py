"""Logs rotate, are one line per event, and hold no secret."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from technic.runtime import logs


@pytest.fixture
def logger():
    """Our logger, given back as it was."""
    made = logging.getLogger("technic")
    before, spread = list(made.handlers), made.propagate
    made.handlers.clear()
    yield made
    for handler in made.handlers:
        handler.close()
    made.handlers[:], made.propagate = before, spread


def test_logs_rotate_and_stay_bounded(logger, tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "SIZE", 2_000)
    logs.set_up(tmp_path, [])
    for k in range(400):
        logging.getLogger("technic.calls").info("line %d %s", k, "x" * 40)
    files = sorted(p.name for p in tmp_path.iterdir())
    assert files == ["technic.log", *(f"technic.log.{k}" for k in range(1, logs.BACKUPS + 1))]
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) < 2_000 * (logs.BACKUPS + 1)


def test_json_lines_are_json_and_redacted(logger, tmp_path):
    logs.set_up(tmp_path, ["s3cret-key"], as_json=True)
    logging.getLogger("technic.x").warning("a s3cret-key\nin two lines")
    (line,) = (tmp_path / "technic.log").read_text().splitlines()
    told = json.loads(line)
    assert told["level"] == "warning"
    assert told["text"] == "a •••\\nin two lines"


def test_a_state_folder_that_cannot_be_written_stops_nothing(logger, tmp_path):
    (tmp_path / "file").write_text("")
    logs.set_up(tmp_path / "file" / "logs", [])
    logging.getLogger("technic.x").warning("heard by nobody")


def test_what_was_mended_is_one_line_on_standard_error_and_other_warnings_are_not(tmp_path):
    program = (
        "import logging, sys\n"
        "from pathlib import Path\n"
        "from technic.runtime.logs import log_mended, set_up\n"
        "set_up(Path(sys.argv[1]), [])\n"
        "log = logging.getLogger('technic.x')\n"
        "log.warning('not shown')\n"
        "log_mended(log, 'a file: was damaged; it was made anew')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stderr == "technic: a file: was damaged; it was made anew\n"
    assert "not shown" in (tmp_path / "technic.log").read_text()
