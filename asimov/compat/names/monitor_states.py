"""The names that packages import from `asimov.monitor_states`: add analysis states of their own.

Needed by packages with entry points under ``asimov.monitor.states`` or with
``get_state_handlers``. What calls the handlers is `asimov.plugins.custom_states`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from asimov.discovery import entrypoints
from asimov.plugins.registry import register
from asimov.states import OWN


class MonitorState(ABC):
    """Handles analyses in a state that a package defines."""

    @property
    @abstractmethod
    def state_name(self) -> str:
        """The state, in lower case."""

    @abstractmethod
    def handle(self, context: Any) -> bool:
        """Handle an analysis, once in each pass; move it by setting ``context.analysis.status``.

        Parameters
        ----------
        context
            The analysis and what the monitor knows; see `asimov.plugins.context.Context`.
        """


def register_state(state_handler: MonitorState) -> None:
    """Register a handler in this process, without an entry point.

    Raises
    ------
    TypeError
        Where it is no `MonitorState`.
    ValueError
        Where the state is asimov's own.
    """
    if not isinstance(state_handler, MonitorState):
        raise TypeError(f"{state_handler!r} is not a MonitorState")
    name = state_handler.state_name.lower()
    if name in OWN:
        raise ValueError(f"the state {name!r} is reserved by asimov")
    register(entrypoints.MONITOR_STATES, name, state_handler)
