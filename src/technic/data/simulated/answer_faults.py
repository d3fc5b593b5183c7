"""Faults of a whole answer: its status, its envelope, its encoding, its pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson

from technic.data.simulated.dialect import Answer, Request


def _status(
    status: int, body: bytes, kind: str = "application/json", **headers: str
) -> Callable[[Answer, np.random.Generator, Request], Answer]:
    def apply(_answer: Answer, _rng: np.random.Generator, _request: Request) -> Answer:
        return Answer(status, body, kind, dict(headers))

    return apply


def _in_envelope(
    change: Callable[[Any, Request], None],
) -> Callable[[Answer, np.random.Generator, Request], Answer]:
    """A fault in the decoded envelope."""

    def apply(answer: Answer, _rng: np.random.Generator, request: Request) -> Answer:
        if answer.status != 200 or answer.kind != "application/json":
            return answer
        content = orjson.loads(answer.body)
        if isinstance(content, dict):
            change(content, request)
        return Answer(200, orjson.dumps(content), headers=answer.headers)

    return apply


def _bytes(
    change: Callable[[bytes, np.random.Generator], bytes],
) -> Callable[[Answer, np.random.Generator, Request], Answer]:
    def apply(answer: Answer, rng: np.random.Generator, _request: Request) -> Answer:
        if answer.status != 200:
            return answer
        return Answer(200, change(answer.body, rng), answer.kind, answer.headers)

    return apply


def _headers(**headers: str) -> Callable[[Answer, np.random.Generator, Request], Answer]:
    def apply(answer: Answer, _rng: np.random.Generator, _request: Request) -> Answer:
        return Answer(answer.status, answer.body, answer.kind, {**answer.headers, **headers})

    return apply


def _cut(body: bytes, rng: np.random.Generator) -> bytes:
    return body[: int(rng.integers(1, max(len(body) - 1, 2)))]


def _garble(body: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(1, max(len(body) - 1, 2)))
    return body[:at] + b"\x00}{" + body[at + 3 :]


def _repeat_page(content: Any, request: Request) -> None:
    if "next_url" in content:
        cursor = request.params.get("cursor")
        same = f"?cursor={cursor}" if cursor else ""
        content["next_url"] = f"{request.host}{request.path}{same}"


def _next_host(host: str) -> Callable[[Any, Request], None]:
    def change(content: Any, _request: Request) -> None:
        if "next_url" in content:
            path = content["next_url"].split("/", 3)[3]
            content["next_url"] = f"{host}/{path}"

    return change


def _miscount(content: Any, _request: Request) -> None:
    for name in ("resultsCount", "count"):
        if name in content:
            content[name] += 7


TOO_MANY = b'{"status":"ERROR","error":"You\'ve exceeded the maximum requests per minute."}'
PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
ANSWERS: dict[str, Callable[[Answer, np.random.Generator, Request], Answer]] = {
    "http_429": _status(429, TOO_MANY),
    "http_429_empty": _status(429, b""),
    "http_429_after": _status(429, TOO_MANY, **{"Retry-After": "1"}),
    "http_429_garbage": _status(429, TOO_MANY, **{"Retry-After": "-7 bananas"}),
    "http_500": _status(500, b'{"status":"ERROR","error":"internal"}'),
    "http_502": _status(502, PAGE, "text/html"),
    "http_503": _status(503, b"", "text/plain"),
    "html200": _status(200, PAGE, "text/html"),
    "empty200": _status(200, b""),
    "truncated_json": _bytes(_cut),
    "bad_json": _bytes(_garble),
    "bom": _bytes(lambda body, _rng: b"\xef\xbb\xbf" + body[: len(body) // 2]),
    "bad_gzip": _headers(**{"Content-Encoding": "gzip"}),
    "no_results": _in_envelope(lambda content, _request: content.pop("results", None)),
    "null_results": _in_envelope(
        lambda content, _request: content.update(dict.fromkeys(content.keys() & {"results"}))
    ),
    "status_error": _in_envelope(
        lambda content, _request: content.update(status="ERROR", results=[], resultsCount=0)
    ),
    "count_mismatch": _in_envelope(_miscount),
    "page_loop": _in_envelope(_repeat_page),
    "foreign_next_url": _in_envelope(_next_host("https://evil.example")),
    "downgrade_next_url": _in_envelope(_next_host("http://api.massive.com:1")),
    "cursor_expired": lambda answer, _rng, request: (
        Answer(400, b'{"status":"ERROR","error":"cursor has expired"}')
        if "cursor" in request.params
        else answer
    ),
    "redirect_foreign": _status(302, b"", Location="https://evil.example/steal"),
}
