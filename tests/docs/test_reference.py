"""The reference says what is so: pages are fresh, and no name is left out."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs/reference"
# Variables by which technic's own processes speak to one another, and those of the tests.
INTERNAL = {"TECHNIC_COMPILING", "TECHNIC_PARENT", "TECHNIC_TEST_DATA"}


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def lacking(names, text: str, form: str = "`{}`") -> list[str]:
    """The names that a page does not hold, each written as `form`."""
    wanted = list(names)
    assert wanted
    return [name for name in wanted if form.format(name) not in text]


@pytest.mark.parametrize("script", ["generate_reference.py", "refresh_measurements.py"])
def test_generated_pages_are_fresh(script):
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def commands():
    """Every command by its words, from the command line itself."""
    import typer

    from technic.interfaces.cli import app

    def below(group, words):
        for name, child in group.commands.items():
            path = [*words, name]
            yield from below(child, path) if getattr(child, "commands", None) else [(path, child)]

    return {" ".join(words): one for words, one in below(typer.main.get_command(app), ["technic"])}


def test_every_command_and_every_option_is_documented():
    sections = dict(
        re.findall(
            r"^### (technic [^\n]+)\n(.*?)(?=^##|\Z)", page("commands.md"), re.DOTALL | re.MULTILINE
        )
    )
    found = commands()
    assert set(sections) == set(found)
    for words, command in found.items():
        for option in command.params:
            if option.name == "help":
                continue
            named = option.opts if option.param_type_name == "option" else [option.name]
            lines = sections[words].splitlines()
            row = next(line for line in lines if f"`{', '.join(named)}`" in line)
            assert row.split(" | ")[-1].strip(" |"), f"{words}: {named} has no meaning"


def test_every_setting_is_documented_with_its_variable_and_default():
    from technic.runtime.setting_table import SETTINGS

    text = page("settings.md")
    for name, info in SETTINGS.items():
        section = text.split(f"### `{name}`\n")[1].split("\n#")[0]
        assert f"Environment: `{info.variable}`. Default: {info.default}." in section, name
        assert len(section.split("\n\n")[1]) > 20, name


def test_every_variable_that_the_code_reads_is_documented():
    text = page("settings.md")
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"\bTECHNIC_[A-Z0-9_]*[A-Z0-9]\b", source))
    assert len(found) > 20
    assert lacking(sorted(found - INTERNAL), text) == []


def test_every_extra_is_documented():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert lacking(project["optional-dependencies"], page("settings.md"), "| `[{}]` |") == []


def test_every_error_is_documented_with_what_to_do():
    from technic import errors

    kinds = {
        name for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.TechnicError)
    }  # fmt: skip
    sections = page("errors.md").split("\n### ")[1:]
    assert {section.split("\n")[0] for section in sections} == kinds
    for section in sections:
        assert len(section.split("**What to do.** ")[1]) > 20, section


def test_every_indicator_output_and_score_is_documented():
    from technic.indicators import REGISTRY
    from technic.query.names import OUTPUTS
    from technic.scores import MACROS, SCORES

    names = [it.name for it in REGISTRY.values() if not it.operator]
    text = page("indicators.md")
    assert [name for name in names if not re.search(rf"^### `{name}[(`]", text, re.MULTILINE)] == []
    assert [name for name in OUTPUTS if not re.search(rf"`{name}\b", text)] == []
    assert lacking([*SCORES, *MACROS], page("scores.md"), "### `{}`\n") == []


def test_every_name_of_the_language_and_every_universe_is_documented():
    from technic.query import names
    from technic.scanner.spec.scan_file import UNIVERSES

    text = page("language.md")
    prose, everything = text.split("## Every name")
    assert lacking(names.everything(), everything) == []
    plain = [*names.BAR_FIELDS, *names.ATTRIBUTES, *names.FACTS, *names.REGIME, *names.ALPHA]
    assert lacking(plain, prose) == []
    calls = [*names.CROSS_SECTIONAL, *names.ELEMENTWISE, *names.TEMPORAL, *names.OTHER]
    assert lacking(calls, prose, "| `{}(") == []
    assert lacking(UNIVERSES, prose, "| `{}` |") == []
    words = re.findall(r'"([a-z_]+)"', (ROOT / "src/technic/query/grammar.lark").read_text())
    assert [word for word in words if not re.search(rf"`[^`\n]*\b{word}\b", prose)] == []


def test_the_examples_of_the_language_are_understood():
    from technic.query.resolve import Resolver

    block = re.search(r"```text\n(.*?)```", page("language.md"), re.DOTALL)[1]
    lines = block.strip().splitlines()
    assert len(lines) >= 7
    for line in lines:
        assert Resolver().question(line), line


def test_the_files_that_the_reference_shows_are_read():
    from technic.research.learning.train_file import TrainFile
    from technic.scanner.spec.scan_file import ScanFile

    blocks = re.findall(r"```toml\n(.*?)```", page("file-formats.md"), re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        content = tomllib.loads(block)
        made = TrainFile if "model" in content else ScanFile
        assert made.of(content, "the page"), block


def test_every_public_name_and_every_parameter_is_documented():
    import inspect

    import technic as tc

    text = page("python.md")
    for name in tc.__all__:
        assert f"`tc.{name}`" in text, name
        value = getattr(tc, name)
        if inspect.isfunction(value):
            section = text.split(f"### tc.{name}\n")[1].split("\n### ")[0]
            assert lacking(inspect.signature(value).parameters, section, "{}") == []


def test_every_column_and_key_of_a_file_is_documented():
    from dataclasses import fields

    from technic.data.formats import dialects, filings, listing_layouts
    from technic.market import schema
    from technic.market.items import ITEMS
    from technic.market.quality import REASONS
    from technic.scanner.plan import PlanRules

    text = page("file-formats.md")
    columns = [*dialects.REQUIRED, *dialects.OPTIONAL, *listing_layouts.LISTING_COLUMNS]
    columns += [*filings.REQUIRED, *filings.OPTIONAL]
    keys = [one.name for one in fields(PlanRules)]
    assert lacking([*columns, *ITEMS, *REASONS, *keys], text, "| `{}` |") == []
    for name, columns_of in schema.TABLES.items():
        section = text.split(f"\n### {name}\n")[1].split("\n### ")[0]
        assert lacking(columns_of, section, "| `{}` |") == []
        assert "|  |" not in section, name


def test_every_route_is_documented():
    from technic.interfaces.http.app import described

    routes = [
        f"{method.upper()} {path}"
        for path, methods in described()["paths"].items()
        for method in methods
    ]
    assert lacking(routes, page("http.md"), "### {}\n") == []


def test_every_tool_is_documented():
    from technic.data.store import Store
    from technic.interfaces.mcp.server import make_server
    from technic.runtime.settings import Settings

    tools = asyncio.run(make_server(Store(Path("no-such-store")), Settings()).list_tools())
    assert lacking([tool.name for tool in tools], page("agents.md"), "### {}\n") == []


def test_every_fault_of_the_simulated_vendor_is_documented():
    from technic.data.simulated.answer_faults import ANSWERS
    from technic.data.simulated.faults import TRANSPORT
    from technic.data.simulated.row_faults import ROWS

    text = (ROOT / "docs/explanation/faults.md").read_text(encoding="utf-8")
    assert lacking([*TRANSPORT, *ANSWERS, *ROWS], text, "| `{}` |") == []
