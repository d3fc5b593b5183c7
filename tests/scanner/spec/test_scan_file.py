"""Scan files: a path is a path, be it text or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from technic.errors import ConfigError
from technic.scanner.spec.scan_file import ScanFile, presets


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_or_a_preset_is_read_by_text_or_path(tmp_path, kind):
    path = tmp_path / "mine.toml"
    path.write_text('where = "rsi(14) < 30"\n')
    assert ScanFile.read(kind(path)).where == "rsi(14) < 30"
    name = next(iter(presets()))
    assert ScanFile.read(kind(name)) == ScanFile.preset(name)


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("name", ["nothing", "nothing.toml", "x" * 5_000, "a\0b", "", "."])
def test_what_is_neither_is_one_clear_refusal(kind, name):
    with pytest.raises(ConfigError):
        ScanFile.read(kind(name))
