"""A reader of UBJSON, the binary form in which XGBoost writes its models.

Only reading, only what such models hold, and never beyond the bytes that there are: a file that is
cut off, that nests without end or that claims more than it has is refused, whatever it says.

References
----------
The UBJSON specification, draft 12: strongly typed containers, big-endian numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from technic.errors import ModelError

SCALARS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
WHOLE = frozenset("iUIlL")
CONSTANTS = {"T": True, "F": False, "Z": None}
DEEPEST = 32


def decode(content: bytes) -> Any:
    """Return the value that the bytes hold; typed arrays come as NumPy arrays.

    Raises
    ------
    ModelError
        If they hold none, or anything after it.
    """
    reader = _Reader(content)
    value = reader.value(reader.marker(), 0)
    if reader.at != len(content):
        raise ModelError(f"{len(content) - reader.at} bytes follow the end of the model")
    return value


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content, self.at = content, 0

    def _take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self._content):
            raise ModelError(f"the model ends in the middle, at byte {len(self._content)}")
        self.at += count
        return self._content[self.at - count : self.at]

    def marker(self) -> str:
        """What kind of value follows."""
        return self._take(1).decode("latin-1")

    def value(self, kind: str, depth: int) -> Any:
        """A value of some kind."""
        if depth > DEEPEST:
            raise ModelError(f"the model nests more than {DEEPEST} deep")
        if kind in SCALARS:
            return self._numbers(kind, 1)[0].item()
        if kind in CONSTANTS:
            return CONSTANTS[kind]
        if kind == "S":
            return self._text()
        if kind == "[":
            return self._array(depth)
        if kind == "{":
            return self._table(depth)
        raise ModelError(f"byte {self.at}: {kind!r} begins no value")

    def _numbers(self, kind: str, count: int) -> Any:
        form = np.dtype(SCALARS[kind])
        return np.frombuffer(self._take(count * form.itemsize), dtype=form)

    def _count(self) -> int:
        kind = self.marker()
        if kind not in WHOLE:
            raise ModelError(f"byte {self.at}: a count is a whole number")
        return int(self._numbers(kind, 1)[0])

    def _text(self) -> str:
        try:
            return self._take(self._count()).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ModelError(f"byte {self.at}: a text that is no UTF-8") from error

    def _array(self, depth: int) -> Any:
        kind, count, first = self._header()
        if kind is not None:
            if kind in SCALARS:
                numbers = self._numbers(kind, count)
                return numbers.astype(numbers.dtype.newbyteorder("="))
            return [self.value(kind, depth + 1) for _ in range(count)]
        if count >= 0:
            return [self.value(self.marker(), depth + 1) for _ in range(count)]
        values = []
        while first != "]":
            values.append(self.value(first, depth + 1))
            first = self.marker()
        return values

    def _header(self) -> tuple[str | None, int, str]:
        """Type and count of a container, if it says them; else its first marker."""
        mark, kind = self.marker(), None
        if mark == "$":
            kind, mark = self.marker(), self.marker()
            if mark != "#":
                raise ModelError(f"byte {self.at}: a type without a count")
        if mark == "#":
            count = self._count()
            if not 0 <= count <= len(self._content) - self.at:
                raise ModelError(f"byte {self.at}: {count} values do not fit into what follows")
            return kind, count, ""
        return None, -1, mark

    def _table(self, depth: int) -> dict[str, Any]:
        kind, count, mark = self._header()
        if kind is not None or count >= 0:
            raise ModelError(f"byte {self.at}: a table with a type or a count")
        table: dict[str, Any] = {}
        while mark != "}":
            self.at -= 1  # the mark is that of the key's length
            key = self._text()
            table[key] = self.value(self.marker(), depth + 1)
            mark = self.marker()
        return table
