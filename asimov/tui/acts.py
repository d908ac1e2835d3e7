"""What the live view can change: each act asks first, and is done by a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from textual.app import App

from asimov.engine.status import Row
from asimov.ledger.reviews import STATUSES
from asimov.states import STATES, reachable
from asimov.tui.asking import Answerer, NoAnswerError
from asimov.tui.dialogs import Choose, Confirm, Line
from asimov.tui.questions import Outcome
from asimov.tui.table import key_of


class Acts:
    """The acts on some analyses.

    Parameters
    ----------
    app
        The view, which shows the questions.
    root
        The project's folder.
    say
        Shows a line; with ``stays=True``, until the next one.
    done
        Called when an act has ended.
    """

    def __init__(
        self, app: App[None], root: Path, say: Callable[..., None], done: Callable[[], None]
    ) -> None:
        self._app = app
        self._root = root
        self._say = say
        self._done = done

    def change_states(self, rows: Sequence[Row], status: str) -> None:
        """Set analyses to a state, after a question."""

        def act(yes: bool | None) -> None:
            if yes:
                self._begin("change_states", rows, status)

        able = [row for row in rows if status in {row.status, *reachable(row.status, "person")}]
        if not able:
            more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
            self._say(f"error: {_refused(rows[0], status)}{more}")
            return
        left = [f"refused: {_named([row])[0]}" for row in rows if row not in able]
        question = Confirm(f"Set {_of(able)} to {status}?", [*_named(able), *left])
        self._app.push_screen(question, act)

    def choose_state(self, rows: Sequence[Row]) -> None:
        """Ask for a state, and set analyses to it."""
        able = {state for row in rows for state in reachable(row.status, "person")}

        def go_on(status: str | None) -> None:
            if status:
                self.change_states(rows, status)

        words = [(state, STATES[state].meaning) for state in STATES if state in able]
        self._app.push_screen(Choose(f"Set {_of(rows)} to:", words), go_on)

    def review(self, rows: Sequence[Row]) -> None:
        """Ask for a verdict and a message, and review analyses after a question."""

        def ask_message(status: str | None) -> None:
            if status:
                self._app.push_screen(
                    Line("Message (may be empty):"), lambda said: ask_last(status, said)
                )

        def ask_last(status: str, message: str | None) -> None:
            def act(yes: bool | None) -> None:
                if yes:
                    self._begin("add_reviews", rows, status, message)

            if message is not None:
                question = Confirm(f"Review {_of(rows)} as {status}?", _named(rows))
                self._app.push_screen(question, act)

        self._app.push_screen(
            Choose(f"Review {_of(rows)} as:", list(STATUSES.items())), ask_message
        )

    def _begin(self, act: str, rows: Sequence[Row], *arguments: Any) -> None:
        self._app.run_worker(self._act(act, [key_of(row) for row in rows], *arguments))

    async def _act(self, act: str, *arguments: Any) -> None:
        self._say("waiting for the project: another command may be at work ...", stays=True)
        actor = Answerer(self._root)
        try:
            self._say(_summary(await actor.ask(act, *arguments)))
        except NoAnswerError as error:
            self._say(f"error: {error}")
        finally:
            await actor.close()
        self._done()


def _of(rows: Sequence[Row]) -> str:
    return _named(rows)[0] if len(rows) == 1 else f"{len(rows)} analyses"


def _refused(row: Row, status: str) -> str:
    able = ", ".join(reachable(row.status, "person"))
    name = f"{row.subject}/{row.name}"
    return f"{name} is {row.status} and can't be set to {status} (it can be set to {able})"


def _named(rows: Sequence[Row]) -> list[str]:
    return [f"{row.subject}/{row.name} ({row.state})" for row in rows]


def _summary(outcome: Outcome) -> str:
    """Return one line: what was refused counts more than what was done."""
    if outcome.refused:
        more = f" and {len(outcome.refused) - 1} more" if len(outcome.refused) > 1 else ""
        done = f"{len(outcome.done)} done; " if outcome.done else ""
        return f"{done}error: {outcome.refused[0]}{more}"
    return outcome.done[0] if len(outcome.done) == 1 else f"{len(outcome.done)} done"
