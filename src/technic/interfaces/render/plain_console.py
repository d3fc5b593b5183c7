"""What is shown in a terminal, by rich.

`PlainConsole` gives colours of its own alone: texts from outside give none; see `terminal`.
`WholeTable` cuts no number: half a price reads as another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from technic.errors import printable

ROOM = 10_000  # characters in which any table fits


class PlainConsole(Console):
    """A console whose texts hold no control characters; only the console itself gives colours."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Segments of a renderable; a text with anything to write out loses its inner styles."""
        if isinstance(renderable, Text) and printable(renderable.plain) != renderable.plain:
            shown = renderable.blank_copy(printable(renderable.plain))
            return super().render(shown, options)
        return super().render(renderable, options)


class WholeTable(Table):
    """A table of which whole columns are left out where it has no room, and named below it.

    Parameters
    ----------
    first : headers of columns that go first, in this order; then those from the right, but one
    about : the table's own, as rich has them
    """

    def __init__(self, *, first: Sequence[str] = (), **about: Any) -> None:
        super().__init__(**about)
        self._first = first

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Segments of what fits, and a line for what does not."""
        shown = copy(self)
        shown.columns = list(self.columns)
        others = [str(column.header) for column in reversed(self.columns[1:])]
        left_out = []
        for header in dict.fromkeys([*self._first, *others]):
            if _width(shown, console, options) <= options.max_width:
                break
            kept = [column for column in shown.columns if column.header != header]
            left_out += [header] if len(kept) < len(shown.columns) else []
            # An internal of rich: a column knows its place by `_index`, and takes its width by it.
            shown.columns = [replace(column, _index=k) for k, column in enumerate(kept)]
        yield from Table.__rich_console__(shown, console, options)
        if left_out:
            yield Text(f"No room for {', '.join(left_out)}: widen the terminal.", style="dim")


def _width(table: Table, console: Console, options: ConsoleOptions) -> int:
    """Characters that a table needs if nothing of it is cut: as many as it takes where all fits."""
    drawn = Table.__rich_console__(table, console, options.update(width=ROOM, max_width=ROOM))
    text = "".join(part.text for part in drawn if isinstance(part, Segment))
    return max((cell_len(line.rstrip()) for line in text.splitlines()), default=0)
