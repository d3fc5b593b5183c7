"""A question as a command line sent it: held against a list of fields and kinds, then asked.

Nothing of it is a file of the server's: what stands in files was read by whoever asked.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from technic.errors import ConfigError
from technic.interfaces import beside
from technic.interfaces.cli.groups import MomentOptions
from technic.interfaces.cli.known import Words, read_words
from technic.interfaces.cli.scan import split_columns
from technic.interfaces.cli.socket_client import UNASKED
from technic.interfaces.http.state import ServerState
from technic.interfaces.render.terminal import VARIABLES, Sheet
from technic.scanner.columns.attributes import market_regime
from technic.scanner.report import Report
from technic.scanner.spec.scan_file import ScanFile

WIDEST = 10_000  # columns of a terminal
LONGEST = 4_096  # characters of a variable, an origin or a folder
FIELDS = {
    *("code", "store", "settings", "words", "symbols", "text"),
    *("folder", "origin", "columns", "variables"),
}


class SentQuestion:
    """A question as a command line sent it.

    Attributes
    ----------
    read : its words
    symbols : that alone are asked about; None for all
    text : of the scan file that the words name; None for a preset
    folder, origin : of the store, as the command line names them
    sheet : for the terminal that will show the answer

    Raises
    ------
    ValueError
        If it is none.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        if set(request) != FIELDS:
            message = "other fields"
            raise ValueError(message)
        words = _texts(request["words"])
        read = read_words(words)
        if read is None or read.shape.form in UNASKED:
            message = "words of another kind"
            raise ValueError(message)
        self.read: Words = read
        symbols = request["symbols"]
        self.symbols = None if symbols is None else tuple(_texts(symbols))
        self.text = None if request["text"] is None else _text(request["text"], beside.MOST_ASKED)
        self.folder, self.origin = _text(request["folder"]), _text(request["origin"])
        self.sheet = Sheet(_columns(request["columns"]), _variables(request["variables"]))

    def report(self, state: ServerState) -> Report:
        """The report on it, and how the market stood: what `technic scan` makes."""
        values = self.read.values
        moment = MomentOptions(values.get("as_of"), values.get("known_at"))
        report = state.scan(
            self._file(),
            **{name: values.get(name) for name in ("where", "universe", "rank")},
            top=None if (top := values.get("top")) is None else int(top),
            columns=split_columns(values.get("columns")),
            as_of=moment.session,
            known_at=moment.instant,
            symbols=self.symbols,
        )
        session = report.as_of if moment.as_of else None
        regime = market_regime(
            state.store, session, known_at=moment.instant, settings=state.settings
        )
        return replace(report, regime=regime.as_dict())

    def _file(self) -> ScanFile | None:
        """The scan file or preset that the words name; None if it names none."""
        name = self.read.values.get("file")
        if name is None:
            return None
        if self.text is None:
            return ScanFile.preset(str(Path(name)))
        try:
            return ScanFile.of(tomllib.loads(self.text), str(Path(name)))
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{name}: cannot be read: {error}") from error


def _text(value: Any, most: int = LONGEST) -> str:
    if not isinstance(value, str) or len(value) > most:
        message = "no text"
        raise ValueError(message)
    return value


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        message = "no list"
        raise TypeError(message)
    return [_text(part, beside.MOST_ASKED) for part in value]


def _columns(value: Any) -> int | None:
    if value is not None and (type(value) is not int or not 0 <= value <= WIDEST):
        message = "no terminal"
        raise ValueError(message)
    return value


def _variables(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not set(value) <= set(VARIABLES):
        message = "no variables of a terminal"
        raise ValueError(message)
    return {name: _text(text) for name, text in value.items()}
