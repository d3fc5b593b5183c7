"""The random name of a store: given at the first commit, and in every record since."""

from __future__ import annotations

import secrets
from logging import getLogger
from pathlib import Path

import orjson

from technic.runtime.files import write_atomically
from technic.runtime.logs import log_mended

LOG = getLogger(__name__)
FILE = "store.json"


def identity_in(folder: Path, recorded: str) -> str:
    """The name that a folder says it has; given, or mended, where it says none or another.

    Parameters
    ----------
    recorded : what the newest version says; empty if there is none
    """
    path = folder / FILE
    try:
        named = str(orjson.loads(path.read_bytes())["identity"])
    except FileNotFoundError:
        named = ""
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        named = "damaged"
    if named in {"", "damaged"} or (recorded and named != recorded):
        if named:
            log_mended(LOG, f"{path}: was damaged; it is written anew from the newest version")
        named = recorded or secrets.token_hex(8)
        write_atomically(path, orjson.dumps({"identity": named}))
    return named
