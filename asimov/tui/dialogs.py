"""Questions over the live view: help, a choice, a line of text, and "are you sure?"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from asimov import text

#: The most analyses that a question lists.
_LISTED = 8


def plain(*lines: str) -> Text:
    """Return lines as text without markup or control characters."""
    return Text("\n".join(text.line(line) for line in lines))


class Help(ModalScreen[None]):
    """All keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss")]

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        """Show the lines."""
        with VerticalScroll(classes="dialog"):
            yield Static(plain(*self._lines))


class Confirm(ModalScreen[bool]):
    """Asks whether to do something: only the key ``y`` does it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)"),
        Binding("n,escape,q", "answer(False)"),
    ]

    def __init__(self, what: str, names: Sequence[str]) -> None:
        super().__init__()
        more = [f"  and {len(names) - _LISTED} more"] if len(names) > _LISTED else []
        listed = [f"  {name}" for name in names[:_LISTED]] if len(names) > 1 else []
        self._lines = [what, *listed, *more]

    def compose(self) -> ComposeResult:
        """Show the question."""
        with Vertical(classes="dialog"):
            yield Static(plain(*self._lines, "", "y: yes   n: no"))

    def action_answer(self, answer: bool) -> None:
        """Close with an answer."""
        self.dismiss(answer)


class Choose(ModalScreen["str | None"]):
    """Asks for one of several words."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave")]

    def __init__(self, what: str, words: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._what = what
        self._words = words

    def compose(self) -> ComposeResult:
        """Show the words with their meanings."""
        width = max(len(word) for word, _ in self._words)
        with Vertical(classes="dialog"):
            yield Static(plain(self._what, ""))
            yield OptionList(
                *(Option(plain(f"{w.ljust(width)}  {m}"), id=w) for w, m in self._words),
                markup=False,
            )
            yield Static(plain("", "Enter: take it   Esc: none"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with the word."""
        self.dismiss(event.option.id)

    def action_leave(self) -> None:
        """Close without a word."""
        self.dismiss(None)


class Line(ModalScreen["str | None"]):
    """Asks for a line of text."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave")]

    def __init__(self, what: str, present: str = "", about: str = "") -> None:
        super().__init__()
        self._what = what
        self._present = present
        self._about = about

    def compose(self) -> ComposeResult:
        """Show the field."""
        with Vertical(classes="dialog"):
            yield Static(plain(self._what))
            yield Input(self._present, select_on_focus=False)
            yield Static(plain(*([self._about] if self._about else []), "Enter: go on   Esc: back"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the text."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Close without text."""
        self.dismiss(None)
