"""A console whose colours are its own: texts from outside give none; see `terminal`."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from technic.errors import printable


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
