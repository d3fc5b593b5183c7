"""Docstrings become Markdown: the forms that the code uses, and those of numpydoc."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

SCRIPTS = str(Path(__file__).parents[2] / "scripts")

NUMPY = """Rank the market.

Parameters
----------
store : Store
    Where to read.
where, universe : str or None, optional
    Texts of the language.

Returns
-------
ndarray of float64, shape (n_symbols,)
    Percent; NaN where unknown.

Raises
------
QuestionError
    If a text cannot be
    understood.

Examples
--------
>>> import technic as tc
>>> tc.scan(store)  # doctest: +SKIP
"""


@pytest.fixture(scope="module")
def docstrings():
    sys.path.insert(0, SCRIPTS)
    try:
        from reference import docstrings
    finally:
        sys.path.remove(SCRIPTS)
    return docstrings


def test_sections_of_numpy_become_tables(docstrings):
    text = docstrings.render(NUMPY)
    assert text.startswith("Rank the market.\n\n**Parameters**\n\n| parameter | type | meaning |")
    assert "| `store` | `Store` | Where to read. |" in text
    assert "| `where`, `universe` | `str or None, optional` | Texts of the language. |" in text
    assert "`ndarray of float64, shape (n_symbols,)`. Percent; NaN where unknown." in text
    assert "| `QuestionError` | If a text cannot be understood. |" in text
    assert text.endswith(">>> tc.scan(store)\n```")


def test_a_colon_before_a_sentence_begins_a_description(docstrings):
    text = docstrings.render(
        "X.\n\nParameters\n----------\nframe : rows with `date`,\n    oldest first"
    )
    assert "| parameter | meaning |" in text
    assert "| `frame` | rows with `date`, oldest first |" in text


def test_a_type_with_alternatives_stays_in_its_cell(docstrings):
    text = docstrings.render("X.\n\nParameters\n----------\npath : str | Path\n    A folder.")
    assert "| `path` | `str or Path` | A folder. |" in text


def test_a_docstring_without_sections_is_its_prose(docstrings):
    assert docstrings.render("One line.\n\nAnd more.") == "One line.\n\nAnd more."


@pytest.mark.parametrize(
    ("text", "kind"),
    [("int", True), ("float64 array of shape (n,)", True), ("dict[str, Any] or None", True),
     ("the store to read", False), ("seconds by which it waits", False)],
)  # fmt: skip
def test_types_are_told_from_sentences(docstrings, text, kind):
    assert docstrings.is_type(text) is kind
