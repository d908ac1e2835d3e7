"""The live view itself: totals, a table of analyses, a pane about one of them, and keys."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.timer import Timer
from textual.widgets import Static

from asimov import text
from asimov.engine.attention.filters import passing
from asimov.engine.status import Row, totals
from asimov.errors import AsimovError
from asimov.tui import keys
from asimov.tui.acts import Acts
from asimov.tui.asking import Answerer
from asimov.tui.columns import COLUMNS
from asimov.tui.details import Details
from asimov.tui.dialogs import Help, Line, plain
from asimov.tui.looks import Looks
from asimov.tui.pane import Pane
from asimov.tui.table import Analyses

#: The room of the pane, in the order of the key Enter.
_ROOMS = ["none", "half", "whole"]


@dataclass(frozen=True, slots=True)
class View:
    """What the view is of, and how it looks.

    Attributes
    ----------
    root
        The project's folder.
    interval
        The seconds between two looks.
    read_only
        Whether no key may change anything.
    filter
        The filter to begin with.
    colours
        The colour of each state.
    terminal
        The terminal, which is given back if this process is killed.
    """

    root: Path
    interval: float = 2.0
    read_only: bool = False
    filter: str = ""
    colours: Mapping[str, str] = field(default_factory=dict)
    terminal: object = None


class Top(App[None]):
    """The live view.

    Parameters
    ----------
    view
        What it is of, and how it looks.
    """

    CSS = """
    #head, #totals, #about { height: 1; text-wrap: nowrap; }
    #head { text-style: bold; }
    #about { text-style: bold underline; }
    #message { height: auto; max-height: 4; text-style: reverse; display: none; }
    #message.said { display: block; }
    #analyses, #pane { height: 1fr; overflow-x: hidden; }
    .none #about, .none #pane { display: none; }
    .whole #analyses { display: none; }
    ModalScreen { align: center middle; }
    .dialog { width: auto; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
              border: round; }
    .dialog Static { width: auto; }
    .dialog OptionList { height: auto; max-height: 12; border: none; width: auto; min-width: 40; }
    .dialog Input { width: 60; max-width: 100%; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[Any] = [Binding(each.keys, each.action, each.meaning) for each in keys.KEYS]

    def __init__(self, view: View) -> None:
        super().__init__(ansi_color=True)
        self._view = view
        # One each, so that no answer waits for another.
        looks, details = Answerer(view.root, view.terminal), Answerer(view.root)
        self._answerers = [looks, details]
        self._looks = Looks(looks, view.interval, self._seen)
        self._details = Details(details, lambda: self._table.chosen, self._title)
        self._acts = Acts(self, view.root, self.say, self._acted)
        self._sorted, self._turned = "state", False
        self._filter = view.filter
        self._passes = passing(view.filter)
        self._standing = ""
        self._quiet: Timer | None = None

    # --- begin and end

    def compose(self) -> ComposeResult:
        """Make the parts, from the top."""
        yield Static(id="head")
        yield Static(id="totals")
        yield Analyses(self._view.colours)
        yield Static(id="about")
        yield Pane()
        yield Static(id="message")

    @property
    def _table(self) -> Analyses:
        # From the first screen: a dialog is another one.
        return self.screen_stack[0].query_one(Analyses)

    def _line(self, name: str) -> Static:
        return self.screen_stack[0].query_one(f"#{name}", Static)

    def on_mount(self) -> None:
        """Begin to look."""
        self.theme = "ansi-dark"
        self.screen.add_class("none")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            end = partial(loop.call_soon_threadsafe, partial(self.exit, return_code=128 + number))
            # Not by asyncio, which would take the pipe by which a supervisor learns of signals.
            with suppress(ValueError):  # not in the main thread: a test
                signal.signal(number, lambda *_, end=end: end())
        self._table.focus()
        self._draw_head()
        self.set_interval(1.0, self._table.refresh)  # times go on while nothing else changes
        self.run_worker(self._looks.look())
        self.run_worker(self._details.fill(self.query_one(Pane)))

    async def on_unmount(self) -> None:
        """End the processes that were asked."""
        self.workers.cancel_all()
        for each in self._answerers:
            await each.close()

    def run_to_end(self) -> int:
        """Run the view; return the exit code.

        An error in the view itself is raised once the terminal is as it was.
        """
        self.run()
        if self._exception is not None:
            raise self._exception
        return self.return_code or 0

    def _fatal_error(self) -> None:
        # Textual would print a traceback; `run_to_end` raises the error, for asimov's log.
        self._close_messages_no_wait()

    # --- what it shows

    def _seen(self, new: bool) -> None:
        """Show what a look has found."""
        if new:
            self._show()
        self._draw_head()
        self._details.again()
        found = self._looks.overview
        warnings = found.warnings if found else []
        standing = f"error: {self._looks.problem}" if self._looks.problem else "".join(warnings[:1])
        if standing != self._standing:
            self._standing = standing
            self._stop_saying()

    def _show(self) -> None:
        column = next(each for each in COLUMNS if each.title == self._sorted)
        shown = sorted(
            filter(self._passes, self._looks.rows), key=column.order, reverse=self._turned
        )
        self._table.show(shown, ("-" if self._turned else "") + self._sorted)

    def _draw_head(self) -> None:
        found = self._looks.overview
        parts = [
            (found.name if found else self._view.root.name)
            + (" (read only)" if self._view.read_only else ""),
            f"filter: {self._filter}" if self._filter else "",
            found.monitor if found else "looking ...",
        ]
        self._line("head").update(plain("; ".join(filter(None, parts))))
        rows = self._looks.rows
        line = Text(f"{len(rows)} analyses")
        for number, (state, count) in enumerate(totals(rows).items()):
            colour = Style.parse(self._view.colours.get(state, ""))
            line.append(": " if number == 0 else ", ").append(text.line(f"{count} {state}"), colour)
        marks = {
            "outdated": sum(bool(row.outdated) for row in rows),
            "marked": len(self._table.marked),
        }
        line.append("".join(f"; {count} {what}" for what, count in marks.items() if count))
        self._line("totals").update(line.append("; ?: help"))

    def _title(self, title: str) -> None:
        self._line("about").update(plain(title))

    def say(self, message: str, *, stays: bool = False) -> None:
        """Show a line at the bottom, for some seconds or until the next one."""
        self._write(message)
        self._quiet = None if stays else self.set_timer(10.0, self._stop_saying)

    def _stop_saying(self) -> None:
        self._write(self._standing)

    def _write(self, message: str) -> None:
        if self._quiet is not None:
            self._quiet.stop()
        self._line("message").update(plain(text.bounded(message)))
        self._line("message").set_class(bool(message), "said")

    # --- keys

    def action_help(self) -> None:
        """Show the help."""
        self.push_screen(Help(keys.help_lines(read_only=self._view.read_only)))

    def action_leave(self) -> None:
        """End the view."""
        self.exit()

    def action_move(self, lines: int) -> None:
        """Choose another analysis, or scroll the pane if the keys are for it."""
        if isinstance(self.focused, Pane):
            self.focused.scroll_relative(y=lines, animate=False)
        else:
            self._table.move(lines)

    def action_page(self, pages: int) -> None:
        """Go a page up or down."""
        self.action_move(pages * max(1, (self.focused or self._table).size.height - 1))

    def action_end(self, way: int) -> None:
        """Go to the first or to the last."""
        self.action_move(way * 10**9)

    def action_filter(self) -> None:
        """Ask which analyses to show."""
        about = "part of a name, gw19*/bilby*, state:stuck,lost, pipeline:NAME, outdated"
        self.push_screen(Line("Show only:", self._filter, about), self._filtered)

    def _filtered(self, words: str | None) -> None:
        if words is None:
            return
        try:
            self._passes = passing(words)
        except AsimovError as error:
            self.say(f"error: {error} ({error.hint})")
            return
        self._filter = words.strip()
        self._show()
        self._draw_head()

    def action_sort(self, step: int) -> None:
        """Sort by a column next to the present one."""
        titles = [each.title for each in COLUMNS]
        self._sorted = titles[(titles.index(self._sorted) + step) % len(titles)]
        self._turned = False
        self._show()
        self.say(f"sorted by {self._sorted}")

    def action_turn(self) -> None:
        """Sort the other way round."""
        self._turned = not self._turned
        self._show()

    def action_pane(self, about: str) -> None:
        """Show something else about the chosen analysis."""
        self._details.about, self._details.file = about, 0
        self._give_room("half" if self._room == "none" else self._room)

    def action_file(self) -> None:
        """Show the next file of the output."""
        self._details.file += 1
        self._details.again()

    def action_room(self) -> None:
        """Give the pane another size."""
        self._give_room(_ROOMS[(_ROOMS.index(self._room) + 1) % len(_ROOMS)])

    @property
    def _room(self) -> str:
        return next(each for each in _ROOMS if self.screen_stack[0].has_class(each))

    def _give_room(self, room: str) -> None:
        base = self.screen_stack[0]
        base.remove_class(*_ROOMS)
        base.add_class(room)
        (base.query_one(Pane) if room == "whole" else self._table).focus()
        if room == "none":
            self._details.about = None
        else:
            self._details.about = self._details.about or "why"
        self._details.again()

    def action_switch(self) -> None:
        """Give the arrow keys to the pane, or back to the table."""
        if self._room == "half":
            (self._table if isinstance(self.focused, Pane) else self.query_one(Pane)).focus()

    def action_undo(self) -> None:
        """Undo one thing that changes what is seen."""
        if self._room != "none":
            self._give_room("none")
        elif self._table.marked:
            self._table.marked = set()
            self._table.refresh()
            self._draw_head()
        elif self._filter:
            self._filtered("")

    def action_mark(self) -> None:
        """Mark the chosen analysis, or take its mark away."""
        self._table.mark()
        self._draw_head()

    def action_mark_all(self) -> None:
        """Mark all analyses that are shown."""
        self._table.mark_all()
        self._draw_head()

    def action_again(self) -> None:
        """Look again now."""
        self._looks.again()

    def on_analyses_chosen(self) -> None:
        """Tell about the analysis that was chosen."""
        self._details.file = 0
        self._details.again()

    # --- acts

    def _meant(self) -> list[Row]:
        if self._view.read_only:
            self.say("this view is read-only: start it without --read-only to act")
            return []
        return self._table.meant

    def action_act(self, status: str) -> None:
        """Set the marked analyses, or the chosen one, to a state."""
        if rows := self._meant():
            self._acts.change_states(rows, status)

    def action_set(self) -> None:
        """Set them to a state that is asked for."""
        if rows := self._meant():
            self._acts.choose_state(rows)

    def action_review(self) -> None:
        """Review them."""
        if rows := self._meant():
            self._acts.review(rows)

    def _acted(self) -> None:
        self._table.marked = set()
        self._looks.again()
