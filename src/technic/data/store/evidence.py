"""The newest evaluation of scores, kept beside the store on which it was made."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime
from hashlib import blake2b
from typing import Any

import orjson

from technic.data.store import Store
from technic.runtime.files import write_atomically

LOG = logging.getLogger("technic.data.store.evidence")
FILE = "evidence.json"  # in the folder of the store
SEALED_AS = "evidence"


def save_evidence(store: Store, content: Mapping[str, Any], at: datetime) -> None:
    """Keep an evaluation: in the ledger of runs, and beside the store for explanations.

    Parameters
    ----------
    content : as `Evaluated.about` gives it; columns of earlier evaluations of the same store
        version are kept beside it
    at : when the evaluation was made
    """
    text = orjson.dumps(dict(content), option=orjson.OPT_SORT_KEYS)
    seal = blake2b(text, digest_size=32).hexdigest()
    name = ", ".join(list(content["columns"])[:4])
    as_of = date.fromisoformat(content["as_of"])
    store.catalog.record_run("evaluate", name, as_of, {**content, "seal": seal}, at)
    before = load_evidence(store)
    same = before.get("store_version") == content["store_version"]
    columns = {**(before["columns"] if same else {}), **content["columns"]}
    whole = orjson.dumps({**content, "columns": columns})
    store.catalog.seal(SEALED_AS, whole)
    write_atomically(store.folder / FILE, whole)


def load_evidence(store: Store) -> dict[str, Any]:
    """What the newest evaluation of a store found; empty if there was none.

    A file that no evaluation wrote is told once for each reading, and says nothing.
    """
    content, trouble = _read(store)
    if trouble:
        LOG.warning("%s", trouble)
    evidence: dict[str, Any] = orjson.loads(content) if content else {}
    return evidence


def evidence_trouble(store: Store) -> str:
    """Why the evidence of a store cannot be believed; empty if it can, or there is none."""
    return _read(store)[1]


def _read(store: Store) -> tuple[bytes, str]:
    """What the file holds, if an evaluation wrote it; else nothing, and why."""
    path = store.folder / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return b"", ""
    except OSError as error:
        return b"", f"{path}: cannot be read ({error.strerror})"
    if store.catalog.is_sealed(SEALED_AS, content):
        return content, ""
    advice = "is left aside; make it anew: technic evaluate"
    return b"", f"{path}: is not what an evaluation wrote, and {advice}"


def evidence_for(store: Store, text: str) -> dict[str, Any] | None:
    """What the newest evaluation says of a column; None if it was never evaluated here.

    Parameters
    ----------
    text : the column as a scan file writes it
    """
    evidence = load_evidence(store)
    column = evidence.get("columns", {}).get(text)
    if column is None:
        return None
    about = {name: evidence[name] for name in ("first", "as_of", "sessions", "universe")}
    return {**about, **column}
