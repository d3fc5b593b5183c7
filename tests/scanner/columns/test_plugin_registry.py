"""A plugin is the files of its package as they are now."""

from __future__ import annotations

from technic.scanner.columns.plugin_registry import digest_of_module


def test_the_digest_is_that_of_every_file_of_the_package_and_empty_without_one(package):
    before = digest_of_module("minescores.scores")
    assert before == digest_of_module("minescores")
    (package / "minescores" / "more.py").write_text("")
    assert digest_of_module("minescores") != before
    assert digest_of_module("nonesuch.scores") == ""
    assert digest_of_module("") == ""
    assert digest_of_module("sys") == ""
    assert digest_of_module("this")
