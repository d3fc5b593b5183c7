"""JSON that says one thing only: no NaN, no key twice in one object, not too deep.

A key that is written twice means whatever the next parser takes it for. The parser that is fast
keeps the last one silently, so written keys are counted against those that were read.
"""

from __future__ import annotations

from typing import Any

import orjson

DEEPEST = 32  # lists and objects within one another


def read_json(body: bytes | str) -> Any:
    """Parse JSON strictly, as RFC 8259 has it.

    Raises
    ------
    ValueError
        If it is no JSON, nests deeper than `DEEPEST`, or names a key twice in one object.

    Examples
    --------
    >>> read_json(b'{"top": 5}')
    {'top': 5}
    >>> read_json(b'{"top" :1, "top": 2}')
    Traceback (most recent call last):
    ValueError: a key stands twice in one object
    """
    written = body.encode() if isinstance(body, str) else body
    content = orjson.loads(written)
    colons = written.count(b":")
    if written.count(b"[") < DEEPEST - 2 and _keys_of_rows(content) == colons:
        return content  # each colon is a key of its own, and objects nest no deeper than that
    keys = _keys_read(content)
    if colons != keys and _keys_written(written) != keys:
        message = "a key stands twice in one object"
        raise ValueError(message)
    return content


def _keys_of_rows(content: Any) -> int:
    """How many keys an object and the rows of its lists have: all, in most of what vendors send."""
    if type(content) is not dict:
        return -1
    lists = (value for value in content.values() if type(value) is list)
    return len(content) + sum(len(row) for rows in lists for row in rows if type(row) is dict)


def _keys_read(content: Any) -> int:
    """How many keys all objects hold; level by level, so that no depth overflows a stack."""
    keys, depth, level = 0, 0, [content]
    while level := [part for part in level if type(part) in {dict, list}]:
        depth += 1
        if depth > DEEPEST:
            message = f"lists and objects nest deeper than {DEEPEST}"
            raise ValueError(message)
        below: list[Any] = []
        for part in level:
            if type(part) is dict:
                keys += len(part)
                below += part.values()
            else:
                below += part
        level = below
    return keys


def _keys_written(body: bytes) -> int:
    """How many colons stand outside of texts: in JSON that could be parsed, one after each key."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(body.split(b'"')[::2]).count(b":")
