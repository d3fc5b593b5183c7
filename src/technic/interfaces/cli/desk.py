"""The store that a command works on, without anything that opens it: also for `known`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from technic.errors import ConfigError, counted

if TYPE_CHECKING:
    from technic.data.ingest import FileStore
    from technic.runtime.settings import Settings


@dataclass(frozen=True)
class Desk:
    """The store that a command works on, and how to name it in a hint.

    Attributes
    ----------
    place : folder or address of the store
    origin : why it is this store
    hint : what a command line needs so that it means the same store
    """

    place: str
    settings: Settings
    origin: str
    hint: str

    @classmethod
    def of(cls, flag: str | None, *, writing: bool = False) -> Desk:
        """The desk for the store that a flag or the settings name, which is not opened yet."""
        from technic.runtime.settings import Settings

        settings = Settings.load()
        setting = settings.store(flag, writing=writing)
        return cls(setting.value, settings, setting.origin, hint_of(flag))

    @property
    def folder(self) -> Path:
        """The folder of the store; one that lies elsewhere is fetched."""
        if "://" not in self.place:  # the usual case, without what reads remote ones
            return Path(self.place).absolute()
        from technic.data.store.remote import is_remote

        return self.store.folder if is_remote(self.place) else Path(self.place).absolute()

    @cached_property
    def store(self) -> FileStore:
        """The store; opened, and fetched where it lies elsewhere, at first use."""
        from technic.data.ingest import open_store

        return open_store(self.place)

    def command(self, text: str) -> str:
        """A command that runs exactly as printed."""
        return f"technic {text}{self.hint}"


def hint_of(flag: str | None) -> str:
    """What a command line needs so that it means the store that a flag named."""
    return f" --store {shlex.quote(str(flag))}" if flag is not None else ""


def symbols(text: str | None) -> tuple[str, ...] | None:
    """`AAPL,MSFT`, or `@file` with one symbol per line."""
    if text is None:
        return None
    if text.startswith("@"):
        try:
            names = Path(text[1:]).read_text(encoding="utf-8").split("\n")
        except OSError as error:
            raise ConfigError(f"--symbols {text}: {error.strerror}") from error
    else:
        names = text.split(",")
    chosen = tuple(part.strip() for part in names if part.strip())
    if not chosen:
        raise ConfigError(f"--symbols {text}: names no symbol")
    return chosen


def age_text(last: date, behind: int) -> str:
    """The line about a store whose newest session is `last`; empty if it is behind by none."""
    if behind <= 0:
        return ""
    are = "is" if behind == 1 else "are"
    missing = counted(behind, "finished session")
    return f"The newest bars are of {last}: {missing} {are} missing."
