"""Verification: what a file says, held against the same question, asked again.

1. `read_sealed` reads a JSON report, a page, or a bare manifest, and checks the manifest's seal.
2. Whoever can run it again does so, on the store version that the manifest names.
3. `compare` holds the manifests together, `first_difference` every value, `changed_line` every line
   of a page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import orjson

from technic.errors import VerifyError
from technic.scanner.manifest import FORMAT, canonical, seal_of, with_digest

# Not part of an answer, and not the same when it is run again: what it took, and what a nightly
# report differs from. The file's digest covers them.
UNREPEATED = frozenset(["timings_ms", "work", "difference", "digest"])
GIVE = "give a report made with --json or --format html, or a manifest"
IN_PAGE = re.compile(r'<pre class="manifest">(.*?)</pre>', re.DOTALL)
SHOWN = 60  # characters of a value in a message


@dataclass(frozen=True, slots=True)
class SealedFile:
    """What a file says, and the manifest that says how it came about.

    Attributes
    ----------
    content : of a JSON file; empty for a page
    page : the text of a page; empty for a JSON file
    """

    manifest: dict[str, Any]
    content: dict[str, Any]
    page: str = ""

    @property
    def bare(self) -> bool:
        """Whether it is a manifest and nothing else."""
        return not self.page and "manifest" not in self.content


def read_sealed(path: Path) -> SealedFile:
    """Read a file that carries a manifest, and check the manifest's seal.

    Raises
    ------
    VerifyError
        If it carries none, it was changed after it was sealed, or a newer technic made it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise VerifyError(f"{path}: cannot be read ({error.strerror})") from error
    if content.lstrip().startswith(b"<"):
        return _read_page(path, content)
    read = _parsed(path, content)
    manifest = read.get("manifest", read)
    return SealedFile(check_manifest(manifest, str(path)), read)


def _read_page(path: Path, content: bytes) -> SealedFile:
    try:
        page = content.decode()
    except UnicodeDecodeError as error:
        raise VerifyError(f"{path}: is no text; {GIVE}") from error
    found = IN_PAGE.findall(page)
    if len(found) != 1:
        raise VerifyError(f"{path}: this page carries no manifest; {GIVE}")
    manifest = _parsed(path, unescape(found[0]).encode())
    return SealedFile(check_manifest(manifest, str(path)), {}, page)


def _parsed(path: Path, content: bytes) -> dict[str, Any]:
    """An object of JSON that says one thing only.

    Every name stands once: readers differ on which of two counts. Numbers are written as technic
    and Python write them, in as few digits as name them: 14.90000000000000000001 is another text
    than 14.9, and other readers may see another number.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(names := dict(pairs)) != len(pairs):
            raise VerifyError(f"{path}: holds a name twice, so that readers may see either value")
        return names

    def plain(text: str) -> Any:
        value = float(text) if {*".eE"} & {*text} else int(text)
        if text not in (canonical(value).decode(), repr(value)):
            raise VerifyError(
                f"{path}: holds {_cut(text)}, which is not how a number is written there "
                f"({_shown(value)}); the file was changed after it was written"
            )
        return value

    try:
        read = json.loads(
            content,
            object_pairs_hook=once,
            parse_float=plain,
            parse_int=plain,
            parse_constant=_none,
        )
        canonical(read)  # a number or a text that JSON could not hold
    except (ValueError, TypeError, RecursionError) as error:
        raise VerifyError(f"{path}: is no JSON; {GIVE}") from error
    if not isinstance(read, dict):
        raise VerifyError(f"{path}: holds no manifest; {GIVE}")
    return read


def check_manifest(manifest: Any, where: str) -> dict[str, Any]:
    """Return a manifest that is as it was sealed.

    Parameters
    ----------
    manifest : as JSON holds it
    where : it was found, for messages

    Raises
    ------
    VerifyError
        If it is none, was changed after it was sealed, or a newer technic made it.
    """
    if not isinstance(manifest, dict) or not isinstance(manifest.get("question"), dict):
        raise VerifyError(f"{where}: holds no manifest; {GIVE}")
    layout = manifest.get("format")
    if layout in range(1, FORMAT):
        raise VerifyError(
            f"{where}: an older technic made it, of other code; make it anew to verify it"
        )
    if layout != FORMAT:
        raise VerifyError(f"{where}: was made by another version of technic; upgrade to verify it")
    if seal_of(manifest) != manifest.get("seal"):
        raise VerifyError(f"{where}: the manifest was changed after it was sealed")
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
        "kernel": "other code that runs indicators, or another Numba",
        "graph": "other indicators",
        "store_version": "other data",
        "question_digest": "another question",
        "answer_digest": "another answer",
        "as_of": "another session",
    }
    titles |= {
        key: f"another {key}"
        for key in sorted({*sealed, *rerun} - {*titles, "definitions", "seal"})
    }
    return [
        *_other_definitions(sealed.get("definitions"), rerun.get("definitions")),
        *(
            f"{title} ({_shown(sealed.get(key))} then, {_shown(rerun.get(key))} now)"
            for key, title in titles.items()
            if canonical(sealed.get(key)) != canonical(rerun.get(key))
        ),
    ]


def _other_definitions(sealed: Any, rerun: Any) -> list[str]:
    """Which indicators are defined otherwise now."""
    then, now = (part if isinstance(part, dict) else {} for part in (sealed, rerun))
    names = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    return [f"another definition of {_cut(', '.join(names))}"] if names else []


def differences(sealed: SealedFile, manifest: dict[str, Any], again: dict[str, Any]) -> list[str]:
    """Say what in a JSON file is not what comes out again; empty if nothing.

    Parameters
    ----------
    manifest, again : of the same question asked again: its manifest, and all that the file holds
    """
    found = compare(sealed.manifest, manifest)
    if sealed.bare or found:
        return found
    ours = {k: v for k, v in sealed.content.items() if k not in UNREPEATED}
    plain = orjson.dumps(again, option=orjson.OPT_SERIALIZE_NUMPY)
    theirs = {k: v for k, v in orjson.loads(plain).items() if k not in UNREPEATED}
    if difference := first_difference(ours, theirs):
        return [difference]
    if with_digest(sealed.content)["digest"] != sealed.content.get("digest"):
        return [
            "the answer is the same, but something beside it was changed after the file was written"
        ]
    return []


def first_difference(here: Any, again: Any) -> str:
    """Name the first value in which two contents of JSON differ; empty if there is none.

    Parameters
    ----------
    here, again : what the file says, and what came out now

    Examples
    --------
    >>> first_difference({"rows": [{"score": 99.9}]}, {"rows": [{"score": 71.2}]})
    'rows[0].score is 99.9 here, and 71.2 when it is run again'
    """
    return next(_differing(here, again, ""), "")


def _differing(here: Any, again: Any, path: str) -> Iterator[str]:
    """Every difference at a place of two contents and below it, in the order of the answer."""
    if isinstance(here, dict) and isinstance(again, dict):
        for key in {**again, **here}:
            where = f"{path}.{key}" if path else key
            if key in here and key in again:
                yield from _differing(here[key], again[key], where)
            else:
                yield f"{where} is {'missing' if key in again else 'no part of the answer'}"
    elif isinstance(here, list) and isinstance(again, list):
        for k, (one, other) in enumerate(zip(here, again, strict=False)):
            yield from _differing(one, other, f"{path}[{k}]")
        if len(here) != len(again):
            yield f"{path} has {len(here):,} entries here, and {len(again):,} when it is run again"
    elif canonical(here) != canonical(again):
        yield f"{path} is {_shown(here)} here, and {_shown(again)} when it is run again"


def changed_line(page: str, again: str) -> str:
    """Name the first line in which a page differs from the one made anew; empty if none."""
    if page == again:
        return ""
    lines, others = page.split("\n"), again.split("\n")
    for k, (one, other) in enumerate(zip(lines, others, strict=False), start=1):
        if one != other:
            at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
            here, there = (text[max(at - 20, 0) : at + 40] for text in (one, other))
            return f"line {k} reads {_shown(here)} here, and {_shown(there)} when it is run again"
    return f"it has {len(lines):,} lines, and {len(others):,} when it is run again"


def _none(text: str) -> Any:
    message = f"{text} is no number of JSON"
    raise ValueError(message)


def _shown(value: Any) -> str:
    return _cut(canonical(value).decode())


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
