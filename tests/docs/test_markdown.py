"""What pages are made of: a name without a description, or a gap in a template, stops the page."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

SCRIPTS = str(Path(__file__).parents[2] / "scripts")


@pytest.fixture(scope="module")
def markdown():
    sys.path.insert(0, SCRIPTS)
    try:
        from reference import markdown
    finally:
        sys.path.remove(SCRIPTS)
    return markdown


def test_a_name_without_a_description_is_refused(markdown):
    markdown.complete(["a", "b"], ["b", "a"], "setting", "here")
    with pytest.raises(ValueError, match="setting without a description: b; write it in here"):
        markdown.complete(["a", "b"], ["a"], "setting", "here")


def test_a_description_of_what_is_no_longer_there_is_refused(markdown):
    with pytest.raises(ValueError, match="here describes what is no setting: c"):
        markdown.complete(["a"], ["a", "c"], "setting", "here")


def test_a_template_is_filled_whole(markdown, monkeypatch, tmp_path):
    monkeypatch.setattr(markdown, "TEMPLATES", tmp_path)
    (tmp_path / "page.md").write_text("# Title\n\n{{rows}}\n")
    text = markdown.fill("page.md", rows="| a |")
    assert text.startswith("# Title\n\n<!-- Written by `make reference`.")
    assert text.endswith(" -->\n\n| a |\n")
    with pytest.raises(ValueError, match="nothing fills"):
        markdown.fill("page.md")
    with pytest.raises(ValueError, match=r"has no \{\{other\}\}"):
        markdown.fill("page.md", rows="", other="")


def test_a_cell_cannot_end_its_row(markdown):
    assert markdown.table(("a", "b"), [("x | y", "two\nlines")]) == (
        "| a | b |\n|---|---|\n| x \\| y | two lines |"
    )
    assert markdown.table(("a",), []) == ""


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [("bollinger(20, 2)", "bollinger20-2"), ("GET /api/v1/scans/{name}", "get-apiv1scansname"),
     ("[plan]", "plan"), ("edgar_contact", "edgar_contact"), ("√n — a root", "n-a-root")],
)  # fmt: skip
def test_anchors_are_those_of_the_site(markdown, heading, anchor):
    assert markdown.anchor(heading) == anchor
