"""Envelopes: a value that proves that it is whole, and that it is the one that was asked for.

    magic 8 | schema 2 | key digest 16 | expires 8 | length 8 | seal 32 | value

The seal is a keyed BLAKE2b over everything else; without a secret it finds accidents, with one
also forgeries. Nothing is ever unpickled: a value is bytes that its reader parses.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from hmac import compare_digest

MAGIC = b"TECHNICC"
SCHEMA = 1
HEAD = struct.Struct("<8sH16sdQ")
SEAL = 32
LARGEST = 256 << 20


def wrap(key: str, value: bytes, expires: float = 0.0, secret: bytes = b"") -> bytes:
    """Put a value into its envelope.

    Parameters
    ----------
    key : of the value
    expires : seconds since 1970; 0 for never
    secret : without which nobody can forge an envelope; empty for no protection
    """
    head = HEAD.pack(MAGIC, SCHEMA, _digest(key), expires, len(value))
    return head + _seal(head, value, secret) + value


def unwrap(key: str, content: bytes, now: float, secret: bytes = b"") -> bytes | None:
    """The value in an envelope; None if it is another's, damaged, forged, of another schema, or old.

    Parameters
    ----------
    content : the envelope
    now : seconds since 1970
    secret : with which it was wrapped
    """
    start = HEAD.size + SEAL
    if not start <= len(content) <= LARGEST:
        return None
    magic, schema, digest, expires, length = HEAD.unpack_from(content)
    if magic != MAGIC or schema != SCHEMA or digest != _digest(key):
        return None
    if length != len(content) - start or (expires and not now < expires):
        return None
    value = content[start:]
    if not compare_digest(content[HEAD.size : start], _seal(content[: HEAD.size], value, secret)):
        return None
    return value


def is_old(content: bytes, now: float) -> bool:
    """Whether an envelope is not believed because its time is over, or an older schema made it.

    Parameters
    ----------
    content : the envelope
    now : seconds since 1970
    """
    if len(content) < HEAD.size:
        return False
    magic, schema, _, expires, _ = HEAD.unpack_from(content)
    return bool(magic == MAGIC and (schema < SCHEMA or 0.0 < expires <= now))


def _digest(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=16).digest()


def _seal(head: bytes, value: bytes, secret: bytes) -> bytes:
    key = blake2b(secret, digest_size=64).digest() if secret else b""
    digest = blake2b(head, digest_size=SEAL, key=key)
    digest.update(value)
    return digest.digest()
