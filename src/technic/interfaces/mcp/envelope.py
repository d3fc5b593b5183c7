"""What every tool answers in: an envelope, also around what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from technic.data.store import Store
from technic.errors import (
    ConfigError,
    QuestionError,
    SessionError,
    SpanError,
    TechnicError,
    UnknownSymbolError,
    UnlistedError,
)
from technic.interfaces.mcp.arguments import BadDateError
from technic.interfaces.outside import outside
from technic.scanner.report import Report

LONGEST = 80  # characters of a vendor's text


class Envelopes:
    """Answers over one store.

    Parameters
    ----------
    store : whose version an answer names
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def around(
        self, status: str, data: dict[str, Any], warnings: list[str], as_of: date | None = None
    ) -> dict[str, Any]:
        """An answer that says what it rests on; of the newest session unless it says of which."""
        version = self._store.version()
        day = as_of or version.last
        return {
            "status": status,
            "as_of": day.isoformat() if day else None,
            "known_at": None,
            "manifest_id": version.name,
            "simulated": version.simulated is not None,
            "coverage": None,
            "warnings": warnings,
            "data": data,
        }

    def of_report(
        self, status: str, report: Report, data: dict[str, Any], known_at: str
    ) -> dict[str, Any]:
        """An answer from a report: with its notes, its seal and its coverage."""
        book = report.ledger_book
        answer = self.around(status, data, list(report.notes), report.as_of)
        return {
            **answer,
            "known_at": known_at or None,
            "manifest_id": report.manifest["seal"],
            "coverage": {"listed": book.total, "ranked": report.n_ranked, **book.counts()},
        }

    def refused(self, why: str) -> dict[str, Any]:
        """The answer to arguments that are wrong."""
        return self.around("bad_argument", {"why": why}, [])

    def answer(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """An answer, or an error that says which kind it is."""
        try:
            return work()
        except QuestionError as error:
            data = {"why": error.why, "text": error.text, "start": error.start, "hint": error.hint}
            return self.around("bad_question", data, [])
        except (SessionError, SpanError, BadDateError) as error:
            return self.around("bad_date", {"why": outside(error)}, [])
        except (UnknownSymbolError, UnlistedError) as error:
            last = error.last if isinstance(error, UnlistedError) else None
            details = {"why": outside(error), "last_listed": last and last.isoformat()}
            return self.around("unknown_symbol", details, [])
        except ConfigError as error:
            return self.refused(outside(error))
        except TechnicError as error:
            return self.around("unavailable", {"why": outside(error)}, [])


def quoted_row(record: dict[str, Any]) -> dict[str, Any]:
    """A row whose texts of vendors are marked as such."""
    return {k: _quoted(v) if k == "name" and v is not None else v for k, v in record.items()}


def _quoted(text: str) -> dict[str, str]:
    """A vendor's text: one line, not too long, and labelled."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return {"vendor_text": plain[:LONGEST]}
