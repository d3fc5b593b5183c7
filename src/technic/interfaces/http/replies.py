"""Answers in the form that was asked for: JSON, CSV, Arrow IPC or Parquet."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from technic.interfaces.http.problems import Problem

if TYPE_CHECKING:
    import polars as pl

JSON, CSV = "application/json", "text/csv"
ARROW, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"
TABLES = (JSON, ARROW, PARQUET, CSV)


def json_reply(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Anything, as JSON; not-a-number is null."""
    return Response(json_bytes(content), status, headers, JSON)


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
    """A table in a form that is not JSON; lists and structures become JSON text in CSV."""
    headers = {"Content-Disposition": f'attachment; filename="{_filename(name)}.{_ending(form)}"'}
    if simulated:
        headers["X-Technic-Sim"] = "1"
    return Response(table_bytes(table, form), 200, headers, form)


def table_bytes(table: pl.DataFrame, form: str) -> bytes:
    """A table as Arrow IPC, Parquet or CSV."""
    buffer = io.BytesIO()
    if form == ARROW:
        table.write_ipc_stream(buffer)
    elif form == PARQUET:
        table.write_parquet(buffer)
    else:
        return _csv(table)
    return buffer.getvalue()


def _csv(table: pl.DataFrame) -> bytes:
    """As a spreadsheet may open it: a text that looks like a formula is quoted as text."""
    import polars as pl  # noqa: PLC0415 -- heavy

    columns: list[pl.Expr | pl.Series] = []
    for name, kind in table.schema.items():
        column = pl.col(name)
        if kind.is_nested():
            texts = [orjson.dumps(v, default=str).decode() for v in table[name].to_list()]
            columns.append(pl.Series(name, texts))
            continue
        if kind == pl.String:
            formula = column.str.contains(r"^[=+\-@\t\x00]")
            column = pl.when(formula).then(pl.concat_str(pl.lit("'"), column)).otherwise(column)
        columns.append(column.alias(name))
    return table.select(columns).write_csv().encode()


def _filename(name: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name)
    return kept.strip("-.")[:80] or "technic"


def _ending(form: str) -> str:
    return {CSV: "csv", ARROW: "arrows", PARQUET: "parquet", JSON: "json"}[form]
