"""The table of analyses: it draws the lines that are on the screen, however many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from asimov import text
from asimov.engine.status import Row
from asimov.journal.keys import Key
from asimov.tui.columns import COLUMNS, LOST_FIRST, Column

#: The marks of a line: of the one that is chosen, and of those that are marked.
_CHOSEN, _MARKED = ">", "*"
#: How many lines are looked at to find the width of a column.
_LOOKED_AT = 500


class Analyses(ScrollView, can_focus=True, inherit_bindings=False):
    """The table; the first line has the headings.

    Parameters
    ----------
    colours
        The colour of each state.
    """

    class Chosen(Message):
        """Another analysis was chosen."""

    def __init__(self, colours: Mapping[str, str]) -> None:
        super().__init__(id="analyses")
        self._colours = {state: Style.parse(colour) for state, colour in colours.items()}
        self._rows: Sequence[Row] = ()
        self._columns: list[tuple[Column, int]] = []
        self._sorted_by = ""
        self.marked: set[Key] = set()
        self._line = 0

    # --- what it shows

    def show(self, rows: Sequence[Row], sorted_by: str) -> None:
        """Show analyses; the one that was chosen stays so while it is among them."""
        before = self.chosen
        self._rows, self._sorted_by = rows, sorted_by
        keys = [key_of(row) for row in rows]
        self.marked &= set(keys)
        if before is not None and before in keys:
            self._line = keys.index(before)
        self._line = max(0, min(self._line, len(rows) - 1))
        self._lay_out()
        if self.chosen != before:
            self.post_message(self.Chosen())

    @property
    def chosen(self) -> Key | None:
        """The analysis that is chosen, if there are any."""
        return key_of(self._rows[self._line]) if self._rows else None

    @property
    def meant(self) -> list[Row]:
        """The analyses that an act is about: those that are marked, or the one that is chosen."""
        marked = [row for row in self._rows if key_of(row) in self.marked]
        return marked or list(self._rows[self._line : self._line + 1])

    def choose(self, line: int) -> None:
        """Choose the analysis at a line, counted from 0, or the nearest that there is."""
        line = max(0, min(line, len(self._rows) - 1))
        if self._rows and line != self._line:
            self._line = line
            self._lay_out()
            self.post_message(self.Chosen())

    def move(self, lines: int) -> None:
        """Choose the analysis some lines further down, or up where it is less than 0."""
        self.choose(self._line + lines)

    @property
    def page(self) -> int:
        """The number of analyses on the screen."""
        return max(1, self.size.height - 1)

    def mark(self) -> None:
        """Mark the chosen analysis, or take its mark away; the next one is chosen."""
        if self.chosen is not None:
            self.marked ^= {self.chosen}
            self.refresh()
            self.move(1)

    def mark_all(self) -> None:
        """Mark all analyses that are shown, or none if they are."""
        every = {key_of(row) for row in self._rows}
        self.marked = set() if self.marked == every else every
        self.refresh()

    # --- drawing

    def on_resize(self) -> None:
        """Show as many columns as there is room for."""
        self._lay_out()

    def _lay_out(self) -> None:
        room = self.size.width - 2
        widths = {each.title: self._width(each) for each in COLUMNS}
        for title in LOST_FIRST:
            if widths[title] == 0:  # nothing to show
                del widths[title]
        last = LOST_FIRST[0]
        if last in widths:  # it may be cut
            widths[last] = min(widths[last], max(20, room - _total(widths) + widths[last]))
        for title in LOST_FIRST:
            if _total(widths) <= room:
                break
            widths.pop(title, None)
        if (over := _total(widths) - room) > 0:
            widths["analysis"] = max(8, widths["analysis"] - over)
        self._columns = [(each, widths[each.title]) for each in COLUMNS if each.title in widths]
        self.virtual_size = Size(max(0, self.size.width), len(self._rows) + 1)
        self._keep_in_view()
        self.refresh()

    def _width(self, column: Column) -> int:
        # Those on the screen and those near it: a column may widen as one scrolls.
        first = max(0, self._line - _LOOKED_AT // 2)
        shown = self._rows[first : first + _LOOKED_AT]
        widest = max((cell_len(column.text(row)) for row in shown), default=0)
        optional = column.title in LOST_FIRST
        return (
            0
            if optional and not widest
            else min(max(widest, len(self._heading(column))), column.most)
        )

    def _keep_in_view(self) -> None:
        # The headings cover the first line of what is in view.
        top, height = round(self.scroll_offset.y), self.size.height
        if self._line < top:
            self.scroll_to(y=self._line, animate=False, force=True)
        elif height and self._line + 1 >= top + height:
            self.scroll_to(y=self._line + 2 - height, animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        """Draw a line of the screen."""
        width = self.size.width
        if y == 0:
            cells = [self._cell(c, w, self._heading(c)) for c, w in self._columns]
            line = "  " + " ".join(cells)
            return Strip([Segment(set_cell_size(line, width), Style(bold=True, underline=True))])
        number = y - 1 + round(self.scroll_offset.y)
        if number >= len(self._rows):
            note = "  Nothing to show" if not self._rows and y == 1 else ""
            return Strip([Segment(set_cell_size(note, width))])
        return self._drawn(self._rows[number], chosen=number == self._line).crop(0, width)

    def _heading(self, column: Column) -> str:
        down = column.title == self._sorted_by.lstrip("-")
        return column.title + ((" ^" if self._sorted_by.startswith("-") else " v") if down else "")

    def _drawn(self, row: Row, *, chosen: bool) -> Strip:
        base = Style(reverse=True) if chosen else Style()
        mark = _MARKED if key_of(row) in self.marked else " "
        pieces = [Segment((_CHOSEN if chosen else " ") + mark, base)]
        for column, width in self._columns:
            cell = self._cell(column, width, column.text(row))
            colour = self._colours.get(cell.strip()) if column.title == "state" else None
            pieces += [Segment(cell, base + colour if colour else base), Segment(" ", base)]
        strip = Strip(pieces)
        return strip.extend_cell_length(self.size.width, base)

    @staticmethod
    def _cell(column: Column, width: int, value: str) -> str:
        value = text.line(value).replace("\t", " ")
        if (length := cell_len(value)) > width:
            return set_cell_size(value, max(0, width - 1)) + "~"
        return " " * (width - length) + value if column.right else set_cell_size(value, width)

    def on_click(self, event: object) -> None:
        """Choose the analysis that was clicked on."""
        y = getattr(event, "y", 0)
        if y > 0:
            self.choose(y - 1 + round(self.scroll_offset.y))


def key_of(row: Row) -> Key:
    """Return the analysis of a row."""
    return Key(row.subject, row.name)


def _total(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + len(widths) - 1
