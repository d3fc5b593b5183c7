"""The seal of an answer: digests of the data, the code, the question and the answer itself.

Timings, paths, threads and the clock are not in it: two runs that give the same answer to the
same question on the same data by the same code have the same manifest, byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:  # who finds a known answer needs no indicators
    from technic.compute.code_used import CodeUsed

FORMAT = 2  # 1 named one digest for all indicators there are


def canonical(value: Any) -> bytes:
    """Return a value of plain types in its one spelling as JSON: sorted keys, shortest numbers."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)


def digest(*parts: bytes) -> str:
    """Return a digest that depends on where one part ends and the next begins."""
    state = blake2b(digest_size=16)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()


@dataclass(frozen=True, slots=True)
class ManifestInput:
    """What a manifest seals.

    Attributes
    ----------
    technic : version of the code
    store_version, store_number : name and number of the store version that was asked
    code : that the indicators of the answer were made by
    as_of : the session, as ISO 8601
    known_at : the instant before which everything was known, as ISO 8601; None for no such bound
    simulated : whether the market is a simulated one
    question : in canonical form, with all that its user may change
    answer : bytes that say all of the answer
    provisional : name of bars of an unfinished day, which nobody keeps; empty for none
    """

    technic: str
    store_version: str
    store_number: int
    code: CodeUsed
    as_of: str
    known_at: str | None
    simulated: bool
    question: dict[str, Any]
    answer: bytes
    provisional: str = ""


def make_manifest(sealed: ManifestInput) -> dict[str, Any]:
    """Make the manifest of one answer; its `seal` covers all the rest.

    An answer over provisional bars says so in it, and cannot be run again.
    """
    content: dict[str, Any] = {
        "format": FORMAT,
        "technic": sealed.technic,
        "store_version": sealed.store_version,
        "store_number": sealed.store_number,
        **sealed.code.as_dict(),
        "as_of": sealed.as_of,
        "known_at": sealed.known_at,
        "simulated": sealed.simulated,
        "question": sealed.question,
        "question_digest": digest(canonical(sealed.question)),
        "answer_digest": digest(sealed.answer),
    }
    if sealed.provisional:
        content["provisional"] = sealed.provisional
    return {**content, "seal": seal_of(content)}


def with_digest(content: dict[str, Any]) -> dict[str, Any]:
    """Return what a file is to hold with a digest of all of it, in place of any it had.

    The seal says which answer it is; the digest also covers what runs do not share: what it took.
    """
    plain = {k: v for k, v in content.items() if k != "digest"}
    return {**plain, "digest": digest(canonical(plain))}


def seal_of(content: dict[str, Any]) -> str:
    """Return the digest of a manifest without its seal."""
    return digest(canonical({k: v for k, v in content.items() if k != "seal"}))
