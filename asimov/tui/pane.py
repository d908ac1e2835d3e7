"""A pane of plain text: wrapped, safe, scrolled by keys, and at its end where that grows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from asimov import text


class Pane(ScrollView, can_focus=True, inherit_bindings=False):
    """The pane."""

    def __init__(self) -> None:
        super().__init__(id="pane")
        self._given: Sequence[str] = ()
        self._lines: list[str] = []
        self._grows = False

    def show(self, lines: Sequence[str], *, at_end: bool | None = None) -> None:
        """Show lines, from their start, at their end, or where the reader is (None).

        A reader who is at the end stays there.
        """
        was_at_end = self.scroll_offset.y >= self.max_scroll_y
        if at_end is None and lines == self._given:
            return
        self._given = lines
        self._wrap()
        self._grows = self._grows if at_end is None else at_end
        if at_end or (at_end is None and was_at_end and self._grows):
            self.scroll_to(y=len(self._lines), animate=False, force=True)
        elif at_end is False:
            self.scroll_to(y=0, animate=False, force=True)

    def on_resize(self) -> None:
        """Wrap the lines again."""
        self._wrap()

    def _wrap(self) -> None:
        width = max(10, self.size.width - 1)
        self._lines = []
        for given in self._given:
            line = text.line(given.expandtabs(4))
            self._lines += _wrapped(line, width)
        self.virtual_size = Size(self.size.width, len(self._lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw a line of the screen."""
        number = y + round(self.scroll_offset.y)
        line = self._lines[number] if number < len(self._lines) else ""
        return Strip([Segment(line)]).adjust_cell_length(self.size.width)


def _wrapped(line: str, width: int) -> list[str]:
    if cell_len(line) <= width:
        return [line]
    if not line.isascii():  # characters may be wider than one cell
        return chop_cells(line, width)
    indent = " " * min(len(line) - len(line.lstrip()), width // 2)
    return textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False)
