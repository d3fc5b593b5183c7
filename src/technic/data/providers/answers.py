"""What vendors answer over HTTP: unpacked, read strictly, and what their status means."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from technic.errors import AccessError, PageError, ProviderError, RateError
from technic.runtime.strict_json import read_json

LARGEST = 64 << 20  # bytes of one body, unpacked


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """One answer as it came.

    Attributes
    ----------
    status : of HTTP
    headers : of HTTP, names in lower case
    body : unpacked
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def unpacker(packed: str, provider: str) -> Callable[[bytes], bytes]:
    """What unpacks a body chunk by chunk; the empty chunk ends it and checks that nothing is missing."""
    if packed in {"", "identity"}:
        return lambda chunk: chunk
    if packed != "gzip":
        raise PageError(f"{provider}: an encoding that was not asked for: {packed[:20]}")
    machine = zlib.decompressobj(31)

    def unpack(chunk: bytes) -> bytes:
        try:
            if chunk:
                return machine.decompress(chunk, LARGEST + 1)
        except zlib.error as error:
            raise PageError(f"{provider}: a packed answer that cannot be unpacked") from error
        if not machine.eof:
            raise PageError(f"{provider}: a packed answer that is cut short")
        return b""

    return unpack


def raise_for_status(what: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Say what a status other than 200 means, in the vendor's words and what to do.

    Parameters
    ----------
    what : the vendor and the path that was asked for

    Raises
    ------
    ProviderError
        Of the kind that the status tells.
    """
    if status == 200:
        return
    words = _vendors_words(body)
    said = f"{what}: HTTP {status}{': ' + words if words else ''}"
    if status == 401:
        raise AccessError(f"{said}. The key is missing or wrong: technic init, or set it anew")
    if status == 403:
        raise AccessError(f"{said}. Your plan does not include this; nothing was changed")
    if status == 429:
        raise RateError(f"{said}. Too many calls; try later", seconds_to_wait(headers))
    if status == 404:
        raise ProviderError(f"{said}. The vendor knows nothing of it")
    if status >= 500 or status in {302, 400, 408, 425, 499}:
        raise PageError(f"{said}. The vendor has trouble; what was stored is kept")
    raise ProviderError(said)


def _vendors_words(body: bytes) -> str:
    """The vendor's own words, shortened; nothing if there are none."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(content, dict):
        return ""
    words = content.get("error") or content.get("message") or ""
    plain = "".join(c if c.isprintable() else " " for c in str(words))
    return plain[:200].rstrip(". ")


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for; None if it says nothing sensible."""
    header = headers.get("retry-after", "")
    try:
        seconds = float(header)
    except ValueError:
        try:
            until = parsedate_to_datetime(header)
        except ValueError:
            return None
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        seconds = (until - datetime.now(UTC)).total_seconds()
    return seconds if 0.0 <= seconds < float("inf") else None


def strict_json(body: bytes, provider: str) -> Any:
    """Parse a vendor's JSON strictly; see `technic.runtime.strict_json`.

    Parameters
    ----------
    provider : name of the vendor, for an error

    Raises
    ------
    PageError
        If it is not that.
    """
    try:
        return read_json(body)
    except ValueError as error:
        raise PageError(f"{provider}: an answer that is no JSON ({error})") from error
