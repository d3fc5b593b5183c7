"""The seal of an answer: digests of the data, the code, the question and the answer itself.

Timings, paths, threads and the clock are not in it: two runs that give the same answer to the
same question on the same data by the same code have the same manifest, byte for byte.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import orjson

FORMAT = 1


def canonical(value: Any) -> bytes:
    """One spelling for a value made of plain types: sorted keys, shortest numbers."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)


def digest(*parts: bytes) -> str:
    """A digest that tells where one part ends and the next begins."""
    made = blake2b(digest_size=16)
    for part in parts:
        made.update(len(part).to_bytes(8, "little"))
        made.update(part)
    return made.hexdigest()


def make_manifest(
    *,
    version: str,
    store_version: str,
    store_number: int,
    kernel: str,
    as_of: str,
    known_at: str | None,
    simulated: bool,
    question: dict[str, Any],
    answer: bytes,
    provisional: str = "",
) -> dict[str, Any]:
    """The manifest of one scan; `seal` covers all the rest.

    With `provisional`, a name of bars that nobody keeps, it says so, and cannot be run again.
    """
    content: dict[str, Any] = {
        "format": FORMAT,
        "technic": version,
        "store_version": store_version,
        "store_number": store_number,
        "kernel": kernel,
        "as_of": as_of,
        "known_at": known_at,
        "simulated": simulated,
        "question": question,
        "question_digest": digest(canonical(question)),
        "answer_digest": digest(answer),
    }
    if provisional:
        content["provisional"] = provisional
    return {**content, "seal": seal_of(content)}


def seal_of(content: dict[str, Any]) -> str:
    """The digest of a manifest without its seal."""
    return digest(canonical({k: v for k, v in content.items() if k != "seal"}))
