"""The keys of the live view: what each does, for the program, its help and the documentation."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """A key.

    Attributes
    ----------
    keys
        Its names in Textual, separated by commas.
    shown
        Its name for people.
    action
        What it calls.
    meaning
        What it does, for the help.
    acts
        Whether it changes anything; a view that only reads has no such keys.
    """

    keys: str
    shown: str
    action: str
    meaning: str
    acts: bool = False


KEYS = [
    Key("question_mark,f1", "?", "help", "show this help"),
    Key("q,ctrl+c", "q", "leave", "leave"),
    Key("up,k", "Up, k", "move(-1)", "the analysis above"),
    Key("down,j", "Down, j", "move(1)", "the analysis below"),
    Key("pageup", "PgUp", "page(-1)", "a page up"),
    Key("pagedown", "PgDn", "page(1)", "a page down"),
    Key("home,g", "Home, g", "end(-1)", "the first analysis"),
    Key("end,G", "End, G", "end(1)", "the last analysis"),
    Key("slash,f", "/", "filter", "filter: gw19*/bilby*, state:stuck, pipeline:NAME"),
    Key("greater_than_sign,right", ">", "sort(1)", "sort by the next column"),
    Key("less_than_sign,left", "<", "sort(-1)", "sort by the previous column"),
    Key("i", "i", "turn", "reverse the order"),
    Key("w", "w", "pane('why')", "why the analysis is in its state"),
    Key("l", "l", "pane('log')", "what happened to it"),
    Key("o", "o", "pane('output')", "the output of its job, as it grows"),
    Key("n", "n", "file", "the next file of the output"),
    Key("s", "s", "pane('settings')", "its settings"),
    Key("enter", "Enter", "room", "the pane below: half, whole, none"),
    Key("tab", "Tab", "switch", "scroll the pane or the table with the arrow keys"),
    Key("escape", "Esc", "undo", "close the pane, then drop the marks, then the filter"),
    Key("space", "Space", "mark", "mark the analysis, to act on several"),
    Key("a", "a", "mark_all", "mark all that are shown, or none"),
    Key("ctrl+r,f5", "F5", "again", "look again now"),
    Key("ctrl+z", "Ctrl-Z", "suspend_process", "stop for a while; 'fg' in the shell goes on"),
    Key("R", "R", "act('restart')", "restart", acts=True),
    Key("S", "S", "act('stop')", "stop: its job is removed", acts=True),
    Key("C", "C", "act('cancelled')", "cancel: it never runs", acts=True),
    Key("T", "T", "set", "set another state", acts=True),
    Key("V", "V", "review", "review", acts=True),
]


def help_lines(*, read_only: bool) -> list[str]:
    """Return the lines of the help.

    Parameters
    ----------
    read_only
        Whether keys that act are left out.
    """
    width = max(len(key.shown) for key in KEYS) + 2
    lines = [f"{key.shown.ljust(width)}{key.meaning}" for key in KEYS if not key.acts]
    if read_only:
        return [*lines, "", "This view is read-only: no key changes anything."]
    acts = [f"{key.shown.ljust(width)}{key.meaning}" for key in KEYS if key.acts]
    return [
        *lines,
        "",
        "On the marked analyses, or else on the chosen one, after a question:",
        *acts,
    ]
