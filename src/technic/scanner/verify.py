"""Verification: a sealed answer against the same scan, run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from technic.errors import VerifyError
from technic.scanner.manifest import FORMAT, seal_of


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a JSON report, or a bare one, and check its seal.

    Raises
    ------
    VerifyError
        If there is none, it was changed after it was sealed, or a newer technic made it.
    """
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise VerifyError(f"{path}: cannot be read ({error.strerror})") from error
    except orjson.JSONDecodeError as error:
        raise VerifyError(f"{path}: is no JSON; give a report made with --json") from error
    manifest = content.get("manifest", content) if isinstance(content, dict) else {}
    if not isinstance(manifest, dict) or "seal" not in manifest:
        raise VerifyError(f"{path}: holds no manifest; give a report made with --json")
    if manifest.get("format") != FORMAT:
        raise VerifyError(f"{path}: was made by another version of technic; upgrade to verify it")
    if seal_of(manifest) != manifest["seal"]:
        raise VerifyError(f"{path}: the manifest was changed after it was sealed")
    return manifest


def compare(sealed: dict[str, Any], rerun: dict[str, Any]) -> list[str]:
    """Say in words what differs between two manifests; empty if nothing does.

    Parameters
    ----------
    sealed : of the answer in question
    rerun : of the scan run again
    """
    titles = {
        "technic": "another version of technic",
        "kernel": "other code of the indicators, or another Numba",
        "store_version": "other data",
        "question_digest": "another question",
        "answer_digest": "another answer",
        "as_of": "another session",
    }
    return [
        f"{title} ({sealed.get(key)} then, {rerun.get(key)} now)"
        for key, title in titles.items()
        if sealed.get(key) != rerun.get(key)
    ]
