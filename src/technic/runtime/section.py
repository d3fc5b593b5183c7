"""Values of a scan file: each of the kind it must be, or one line that names its key.

A scan file comes from TOML or from JSON over HTTP, and nobody knows what stands in it. `Section`
reads it key by key, so that a wrong kind is refused where it stands and not where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from technic.errors import ConfigError

MOST_TEXT = 4_096  # characters
MOST_ITEMS = 500  # of a list or a table
MOST_WHOLE = 1_000_000
DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def decimal(text: str) -> float | None:
    """The finite number that a text writes in plain digits; None if it writes none.

    Python itself would also read `nan`, `5_0` and digits of other scripts.

    Examples
    --------
    >>> decimal("-1.5e3"), decimal("1e999"), decimal("nan"), decimal("5_0")
    (-1500.0, None, None, None)
    """
    number = float(text) if DECIMAL.fullmatch(text) else float("inf")
    return number if isfinite(number) else None


def share(value: Any, what: str) -> float:
    """Read a share of one: `"1%"` and `0.01` are the same.

    Raises
    ------
    ConfigError
        If it is no number, or none that is finite; names the setting.

    Examples
    --------
    >>> share("1%", "risk"), share(0.01, "risk")
    (0.01, 0.01)
    """
    if not isinstance(value, str):
        return number_of(value, what)
    text = value.strip()
    number = decimal(text.removesuffix("%"))
    if number is None:
        raise ConfigError(f'{what} is a share such as "1%"; got {shown(value)}')
    return number / 100.0 if text.endswith("%") else number


def shown(value: Any) -> str:
    """A value as a message quotes it: its beginning."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of more than some thousand digits
        return "a number of too many digits"
    return text if len(text) <= 60 else f"{text[:60]}…"


@dataclass(frozen=True, slots=True)
class Section:
    """A table of a scan file.

    Attributes
    ----------
    content : its keys and values
    what : the file and the section, for messages: "momentum.toml: plan."
    """

    content: Mapping[str, Any]
    what: str

    @classmethod
    def of(cls, content: Any, what: str, keys: Iterable[str]) -> Section:
        """A table that holds nothing but some keys.

        Raises
        ------
        ConfigError
            If it is no table, or holds another key.
        """
        section = cls(table_of(content, what.rstrip(": .")), what)
        known = sorted(keys)
        if unknown := sorted({str(key) for key in section.content} - set(known)):
            named = ", ".join(
                what.rsplit(": ", maxsplit=1)[-1] + shown(key)[1:-1] for key in unknown
            )
            raise ConfigError(
                f"{what.split(': ', maxsplit=1)[0]}: {named} means nothing here; there are {', '.join(known)}"
            )
        return section

    def __contains__(self, key: str) -> bool:
        """Whether something is said about a key."""
        return key in self.content

    def text(self, key: str, default: str = "") -> str:
        """A text.

        Raises
        ------
        ConfigError
            If it is none, or longer than `MOST_TEXT`.
        """
        return text_of(self.content.get(key, default), f"{self.what}{key}")

    def texts(self, key: str, default: Iterable[str] = ()) -> tuple[str, ...]:
        """A list of texts; a single text is a list of one.

        Raises
        ------
        ConfigError
            If it is none, or has more than `MOST_ITEMS`.
        """
        value = self.content.get(key, default)
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, list | tuple) or not all(isinstance(text, str) for text in given):
            raise ConfigError(f"{self.what}{key} is a list of texts; got {shown(value)}")
        if len(given) > MOST_ITEMS or any(len(text) > MOST_TEXT for text in given):
            raise ConfigError(
                f"{self.what}{key} is at most {MOST_ITEMS} texts of {MOST_TEXT:,} characters"
            )
        return tuple(given)

    def whole(self, key: str, default: int, least: int = 1, most: int = MOST_WHOLE) -> int:
        """A whole number from `least` to `most`.

        Raises
        ------
        ConfigError
            If it is none.
        """
        return whole_of(self.content.get(key, default), f"{self.what}{key}", least, most)

    def number(self, key: str, default: float) -> float:
        """A finite number.

        Raises
        ------
        ConfigError
            If it is none.
        """
        return number_of(self.content.get(key, default), f"{self.what}{key}")

    def share(self, key: str, default: float) -> float:
        """A share of one: `"1%"` or `0.01`.

        Raises
        ------
        ConfigError
            If it is none.
        """
        return share(self.content.get(key, default), f"{self.what}{key}")

    def table(self, key: str) -> Mapping[str, Any]:
        """A table; empty where nothing is said.

        Raises
        ------
        ConfigError
            If it is none, or has more than `MOST_ITEMS` keys.
        """
        return table_of(self.content.get(key, {}), f"{self.what}{key}")


def text_of(value: Any, what: str) -> str:
    """A value that must be a text of at most `MOST_TEXT` characters.

    Raises
    ------
    ConfigError
        If it is none; names the setting.
    """
    if not isinstance(value, str):
        raise ConfigError(f"{what} is a text; got {shown(value)}")
    if len(value) > MOST_TEXT:
        raise ConfigError(f"{what} is longer than {MOST_TEXT:,} characters")
    return value


def whole_of(value: Any, what: str, least: int = 1, most: int = MOST_WHOLE) -> int:
    """A value that must be a whole number from `least` to `most`, and no truth.

    Raises
    ------
    ConfigError
        If it is none; names the setting.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigError(f"{what} is a whole number from {least} to {most:,}; got {shown(value)}")
    return value


def number_of(value: Any, what: str) -> float:
    """A value that must be a finite number, and no truth.

    Raises
    ------
    ConfigError
        If it is none; names the setting.
    """
    try:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        number = float(value) if is_number else float("nan")
    except OverflowError:  # a whole number that no float is as large as
        number = float("inf")
    if not isfinite(number):
        raise ConfigError(f"{what} is a number; got {shown(value)}")
    return number


def number_between(value: Any, what: str, least: float, most: float) -> float:
    """A value that must be a number from `least` to `most`.

    Raises
    ------
    ConfigError
        If it is none; names the setting.
    """
    number = number_of(value, what)
    if not least <= number <= most:
        raise ConfigError(f"{what} is a number from {least:g} to {most:,g}; got {shown(value)}")
    return number


def number_above(value: Any, what: str, least: float, most: float) -> float:
    """A value that must be a number above `least`, up to `most`.

    Raises
    ------
    ConfigError
        If it is none; names the setting.
    """
    number = number_between(value, what, least, most)
    if number == least:
        raise ConfigError(f"{what} is a number above {least:g}, up to {most:,g}; got {least:g}")
    return number


def table_of(value: Any, what: str) -> Mapping[str, Any]:
    """A value that must be a table of at most `MOST_ITEMS` keys.

    Raises
    ------
    ConfigError
        If it is none; names the section.
    """
    if not isinstance(value, Mapping):
        raise ConfigError(f"{what} is a table; got {shown(value)}")
    if len(value) > MOST_ITEMS:
        raise ConfigError(f"{what} holds more than {MOST_ITEMS} keys")
    return value
