"""A report in other forms: JSON, CSV, Parquet, HTML, a list of tickers."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from technic.errors import ConfigError, printable

if TYPE_CHECKING:
    import polars as pl

    from technic.scanner.report import Report

# What spreadsheets run: a sign of a formula, in either width, after any blanks, marks and controls
# that they pass over; or a control that begins another cell.
RUN = r"^[\s\x00-\x20\u00a0\u200b-\u200f\u2028-\u202e\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n\x00]"
_RUN = re.compile(RUN)


def content_of(report: Report, form: str) -> bytes:
    """A report in one of the formats.

    Raises
    ------
    ConfigError
        If there is no such format.
    """
    if form == "json":
        import orjson

        content = orjson.dumps(report.as_dict(), option=orjson.OPT_INDENT_2).decode()
        return f"{printable(content, keep=chr(10))}\n".encode()
    if form == "csv":
        return csv_of(report).encode()
    if form == "tickers":
        return "".join(f"{printable(row.symbol)}\n" for row in report.shown).encode()
    if form == "html":
        from technic.interfaces.render.report_page import page

        return page(report).encode()
    if form == "parquet":
        buffer = io.BytesIO()
        report.rows.write_parquet(buffer)
        return buffer.getvalue()
    raise ConfigError(f"--format {form}: there is no such form of a report")


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula, whatever stands before it.

    Examples
    --------
    >>> harmless("=1+1"), harmless("  -2"), harmless("A-B")
    ("'=1+1", "'  -2", 'A-B')
    """
    return f"'{text}" if _RUN.match(text) else text


def safe_csv(table: pl.DataFrame) -> bytes:
    """A table as CSV in which no spreadsheet takes a text for a formula; numbers stay numbers."""
    import polars as pl  # a report's own rows need no frame

    column = pl.col(pl.String)
    quoted = pl.when(column.str.contains(RUN)).then(pl.lit("'") + column).otherwise(column)
    shown = quoted.map_elements(printable, pl.String)
    safe = table.with_columns(shown.name.keep())
    heads = {name: printable(harmless(name)) for name in safe.columns}
    return safe.rename(heads).write_csv().encode()


def csv_of(report: Report) -> str:
    """Rows as CSV, plans beside them; a last column marks a simulated market."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    plan_names = ("side", "entry", "stop", "target", "size", "risk", "capped_by")
    columns = report.asked["columns"]
    header = ["rank", "symbol", "name", "sector", "score", "percentile", *columns]
    mark = ["simulated"] if report.simulated is not None else []
    heads = [printable(harmless(name)) for name in header]  # a column may be called -close
    writer.writerow([*heads, *(f"plan_{name}" for name in plan_names), *mark])
    for row in report.shown:
        record = report.record(row)
        cells = [record[name] for name in header] + [record["plan"][n] for n in plan_names]
        writer.writerow([_cell(cell) for cell in cells] + ["SIMULATED"] * len(mark))
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if value is None:
        return ""
    return printable(harmless(value)) if isinstance(value, str) else value
