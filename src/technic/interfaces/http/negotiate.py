"""Answers in the form that was asked for: JSON, CSV, Arrow IPC or Parquet."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from technic.interfaces.http.answers import BoundedAnswer, check_size
from technic.interfaces.http.problems import Problem
from technic.interfaces.render.export import csv_of, safe_csv

if TYPE_CHECKING:
    import polars as pl

    from technic.scanner.report import Report

JSON, CSV = "application/json", "text/csv"
ARROW, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"
TABLES = (JSON, ARROW, PARQUET, CSV)


def json_reply(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Anything, as JSON; not-a-number is null."""
    return BoundedAnswer(json_bytes(content), status, headers, JSON)


def json_bytes(content: Any) -> bytes:
    """Anything, as JSON; not-a-number is null."""
    option = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(content, option=option, default=str)


def wanted_form(request: Request) -> str:
    """The first of our forms that a request accepts.

    Raises
    ------
    Problem
        406, if it accepts none of them.
    """
    accepted = request.headers.get("accept", "*/*")
    for part in accepted.split(","):
        kind = part.split(";")[0].strip().lower()
        if kind in TABLES:
            return kind
        if kind in {"*/*", "", "application/*"}:
            return JSON
        if kind == "text/*":
            return CSV
    raise Problem(406, f"there are {', '.join(TABLES)}")


def table_reply(table: pl.DataFrame, form: str, name: str, *, simulated: bool) -> Response:
    """A table in a form that is not JSON."""
    check_size(int(table.estimated_size()) // 4)  # nothing shrinks to less by being written
    if form == CSV:
        return file_reply(safe_csv(table), form, name, simulated=simulated)
    buffer = io.BytesIO()
    if form == ARROW:
        table.write_ipc_stream(buffer)
    else:
        table.write_parquet(buffer)
    return file_reply(buffer.getvalue(), form, name, simulated=simulated)


def report_reply(report: Report, form: str) -> Response:
    """A report in any of the forms: all of it as JSON, its rows otherwise."""
    if form == JSON:
        return json_reply(report.as_dict())
    name, simulated = f"{report.asked['name']}-{report.as_of}", report.simulated is not None
    if form == CSV:
        return file_reply(csv_of(report).encode(), form, name, simulated=simulated)
    return table_reply(report.rows, form, name, simulated=simulated)


def file_reply(content: bytes, form: str, name: str, *, simulated: bool) -> Response:
    """Bytes that are saved as a file; a simulated market says so."""
    headers = {"Content-Disposition": f'attachment; filename="{_filename(name)}.{_ending(form)}"'}
    if simulated:
        headers["X-Technic-Sim"] = "1"
    return BoundedAnswer(content, 200, headers, form)


def _filename(name: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name)
    return kept.strip("-.")[:80] or "technic"


def _ending(form: str) -> str:
    return {CSV: "csv", ARROW: "arrows", PARQUET: "parquet", JSON: "json"}[form]
