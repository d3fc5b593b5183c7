"""What tutorials and guides print is run, as it is printed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from support import printed
from support.needs import lacking
from support.printed import PAGES, PageError, Runner

# Blocks that are shown only, by page: each says why, and there may not come to be more.
NOT_RUN = {"your-own-bars.md": 1, "sizing.md": 1, "sync.md": 1, "your-own-data.md": 1}
EVERY_DAY = {"data-licences.md", "sizing.md"}  # the others are slow
SHOWN_NOWHERE_OR_NOT_RUN = {"technic import-yahoo"}


@pytest.fixture(scope="session")
def demo(tmp_path_factory, kernels) -> Path:
    """The home that `technic demo` leaves, made once, whoever asks."""
    root = tmp_path_factory.getbasetemp()
    shared = (root.parent if "popen-gw" in root.name else root) / "demo"
    with FileLock(f"{shared}.lock"):
        if not (shared / "done").exists():
            homed(shared, kernels)
            subprocess.run(
                [sys.executable, "-m", "technic", "demo"], check=True, capture_output=True,
                env=Runner(None, shared, shared)._environment(),
            )  # fmt: skip
            (shared / "done").touch()
    return shared


def homed(folder: Path, kernels: Path) -> Path:
    """An empty home with the kernels that are compiled already."""
    (folder / "cache").mkdir(parents=True)
    (folder / "cache/kernels").symlink_to(kernels)
    return folder


def begun(page, tmp_path, kernels, request) -> Runner:
    """A page in a fresh folder, with the home it says it starts from."""
    folder = tmp_path / "work"
    folder.mkdir()
    home = homed(tmp_path / "home", kernels)
    if page.start == "demo":
        shutil.copytree(request.getfixturevalue("demo") / "stores", home / "stores")
    return Runner(page, folder, home)


def marked(path: Path):
    slow = path.name not in EVERY_DAY
    marks = [pytest.mark.timeout(900)] + [pytest.mark.slow] * slow
    return pytest.param(path, marks=marks, id=str(path.relative_to(printed.ROOT)))


@pytest.mark.parametrize("path", [marked(path) for path in PAGES])
def test_a_page_does_what_it_prints(path, tmp_path, kernels, request):
    page = printed.read(path)
    for module in page.needs:
        try:
            __import__(module)
        except ImportError:
            lacking(f"no {module}")
    blocks = list(begun(page, tmp_path, kernels, request).run())
    shutil.rmtree(tmp_path / "home")  # some hold a whole market
    assert len(blocks) == len(page.blocks) - sum("not run" in b.comments for b in page.blocks)


def test_few_commands_are_shown_only_and_each_says_why():
    found = {p.name: len(printed.read(p).not_run) for p in PAGES}
    assert {name: count for name, count in found.items() if count} == NOT_RUN


def test_every_command_is_shown_on_a_page_and_run():
    import re

    import typer

    from technic.interfaces.cli import app

    def below(group, words):
        for name, child in group.commands.items():
            path = [*words, name]
            yield from below(child, path) if getattr(child, "commands", None) else [path]

    blocks = [block for path in PAGES for block in printed.read(path).blocks]
    run = "\n".join(b.text for b in blocks if b.runs)
    assert "technic scan" in run
    missing = {
        " ".join(path)
        for path in below(typer.main.get_command(app), ["technic"])
        if not re.search(rf"\b{' '.join(path)}\b", run)
    }
    assert missing == SHOWN_NOWHERE_OR_NOT_RUN


# -- the judge is judged


def page_of(tmp_path, text: str):
    path = tmp_path / "page.md"
    path.write_text(f"# A page\n\nThis page needs no store.\n\n{text}\n")
    return printed.read(path)


def run(tmp_path, kernels, text: str) -> list:
    return list(begun(page_of(tmp_path, text), tmp_path, kernels, None).run())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("```sh\nfalse\n```", "exit code 1"),
        ("```sh\ntechnic scann\n```", "No such command"),
        ("```sh\nfalse | true\ntrue\n```", "exit code 1"),
        ("```sh\necho a\n```\n\n```text\nb\n```", "line 1"),
        ("```sh\nprintf 'a\\nb\\nc\\n'\n```\n\n```text\na\nc\n```", "line 2"),
        ("<!-- exit: 1 -->\n```sh\ntrue\n```", "exit code 0"),
        ("```python\nraise SystemExit(3)\n```", "exit code 3"),
        ("```sh\npip install '.[webb]'\n```", "no such extra"),
        ("```sh\npip install technic\n```", "from the checkout"),
        ("```sh\nmake dmo\n```", "no such target"),
        ("<!-- background: 8600 -->\n```sh\nfalse\n```", "does not listen"),
    ],
)
def test_a_page_that_is_wrong_is_found_out(tmp_path, kernels, text, why):
    with pytest.raises(PageError, match=why):
        run(tmp_path, kernels, text)


@pytest.mark.parametrize(
    "text",
    ["<!-- not-run: x -->\n```sh\nfalse\n```", "```console\n$ false\n```", "```text\nnobody\n```",
     "<!-- not run -->\n```sh\nfalse\n```"],
)  # fmt: skip
def test_a_page_that_breaks_the_rules_is_refused(tmp_path, text):
    with pytest.raises(PageError):
        page_of(tmp_path, text)


def test_a_page_must_say_where_it_starts(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# A page\n\n```sh\ntrue\n```\n")
    with pytest.raises(PageError, match="where it starts"):
        printed.read(path)


def test_variables_files_and_output_carry_over(tmp_path, kernels):
    text = (
        "```sh\nexport WORD=one\n```\n\n```toml\n# mine.toml\nx = 1\n```\n\n"
        "```sh\necho $WORD\ngrep x mine.toml\necho 3.14 s\n```\n\n```text\none\n…\n… s\n```\n\n"
        "```python\n# tool.py\nprint(2)\n```\n\n```sh\npython tool.py\n```\n\n```text\n2\n```\n"
    )
    assert len(run(tmp_path, kernels, text)) == 5


def test_commands_are_counted(tmp_path):
    text = "```sh\n# why\nfirst \\\n  --more\ncat > x <<'END'\nno\nEND\nlast\n```"
    assert page_of(tmp_path, text).blocks[0].commands == 3
