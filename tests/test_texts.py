"""What no import shows: names said as text, files in the wheel, folders left out of a digest."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest

import technic
from technic.scanner.report_cache import WITHOUT_EFFECT

SOURCE = Path(technic.__file__).parent
ROOT = Path(__file__).parents[1]
PUBLIC = [
    "Report",
    "ScanFile",
    "TechnicError",
    "__version__",
    "backtest",
    "chart",
    "diff",
    "evaluate",
    "explain",
    "features",
    "lint",
    "market_regime",
    "open_store",
    "record",
    "scan",
    "scan_sessions",
    "train",
    "why_not",
]
RESOURCES = {
    "query": ["grammar.lark"],
    "scanner/spec/presets": ["momentum-leaders.toml", "oversold-quality.toml"],
    "market": ["nyse_sessions.csv"],
    "research/learning": ["default.toml"],
    "interfaces/web": ["index.html", "icon.svg", "main.js"],
    "interfaces/web/styles": ["base.css"],
    "interfaces/web/views/scan": ["view.js"],
}
# `pip install technic` and `technic[web]` name a stranger's package on the index.
BARE = re.compile(r"pip install (?:--?\w+ )*['\"]?technic(?![\w-])|technic\[[a-z]")
NAMED = re.compile(r'"(technic(?:\.\w+)+):(\w+)"')
MODULES = re.compile(r'(?:"-m", |import_module\()"(technic(?:\.\w+)+)"')


def sources() -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")}


def test_the_public_names_are_those_of_the_list():
    assert technic.__all__ == PUBLIC
    assert dir(technic) == PUBLIC


def test_the_stub_offers_what_it_says():
    """Type checkers read the stub; the loader drops what stands after `as` without a word."""
    stub = ast.parse((SOURCE / "__init__.pyi").read_text(encoding="utf-8"))
    aliases = [
        alias for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    assert all(alias.asname is None for alias in aliases)
    assert sorted(alias.name for alias in aliases) == PUBLIC


def test_every_work_named_as_text_can_be_imported():
    works = {match for text in sources().values() for match in NAMED.findall(text)}
    assert len(works) >= 9
    for module, function in works:
        assert callable(getattr(import_module(module), function)), f"{module}:{function}"


def test_every_module_named_as_text_is_there():
    modules = {match for text in sources().values() for match in MODULES.findall(text)}
    assert len(modules) >= 6
    for module in modules:
        place = SOURCE.joinpath(*module.split(".")[1:])
        assert place.with_suffix(".py").is_file() or (place / "__init__.py").is_file(), module


@pytest.mark.parametrize("folder", RESOURCES)
def test_the_package_holds_what_it_reads(folder):
    for name in RESOURCES[folder]:
        resource = files("technic").joinpath(folder, name)
        assert resource.is_file(), f"{folder}/{name}"
        assert resource.read_bytes()


def test_folders_left_out_of_the_digest_of_code_exist():
    assert WITHOUT_EFFECT
    for folder in WITHOUT_EFFECT:
        assert (SOURCE / folder).is_dir(), folder


def test_nothing_tells_a_reader_to_install_an_unrelated_package():
    texts = sources()
    for pattern in ("*.md", "docs/**/*.md", "deploy/*", "Makefile", "pyproject.toml"):
        for path in ROOT.glob(pattern):
            if path.is_file():
                texts[path] = path.read_text(encoding="utf-8")
    for path in SOURCE.rglob("*.js"):
        texts[path] = path.read_text(encoding="utf-8")
    assert len(texts) > 100
    assert BARE.search("pip install technic")
    assert BARE.search("pip install -U 'technic[web]'")
    assert not BARE.search("pip install 'technic-scanner[web]'")
    assert [str(path) for path, text in texts.items() if BARE.search(text)] == []
