"""Answers in the form that was asked for: JSON, CSV, Arrow IPC or Parquet."""

from __future__ import annotations

import io
import re
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
WEIGHT = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII)


def json_reply(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Anything, as JSON; not-a-number is null."""
    return BoundedAnswer(json_bytes(content), status, headers, JSON)


def json_bytes(content: Any) -> bytes:
    """Anything, as JSON; not-a-number is null."""
    option = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(content, option=option, default=str)


def wanted_form(request: Request) -> str:
    """The form of ours that a request accepts most gladly; of several, the first it names.

    Raises
    ------
    Problem
        406, if it accepts none of them.
    """
    accepted = ",".join(request.headers.getlist("accept")) or "*/*"  # lines of a list are one list
    weighed = [_weighed(part) for part in accepted.split(",")]
    refused = {kind for kind, weight in weighed if not weight}
    for kind, weight in sorted(weighed, key=lambda part: -part[1]):
        form = next((form for form in TABLES if form not in refused and _fits(form, kind)), None)
        if weight and form is not None:
            return form
    raise Problem(406, f"there are {', '.join(TABLES)}")


def _weighed(part: str) -> tuple[str, float]:
    """A kind of content that is accepted, and how gladly: 0 means that it is not."""
    kind, *parameters = (text.strip().lower() for text in part.split(";"))
    weights = [WEIGHT.fullmatch(text) for text in parameters]
    return kind, next((float(found[1]) for found in weights if found), 1.0)


def _fits(form: str, kind: str) -> bool:
    return kind in {form, f"{form.split('/', maxsplit=1)[0]}/*", "*/*", ""}


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
