"""A question that a pipeline asks a person before an analysis can go on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from asimov.errors import AsimovError
from asimov.settings import BaseSettings, made
from asimov.settings.validation import check

#: The setting that holds the answers, by the names of the questions.
ANSWERS = "answers"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)


T = TypeVar("T", bound=BaseSettings)


@dataclass(frozen=True)
class Question(Generic[T]):
    """What a person is asked, and what an answer is made of.

    Parameters
    ----------
    name
        Its name among the questions of the pipeline: letters, digits and ``_.-``.
    text
        What is asked, for people; the first line is shown in lists.
    answers
        The settings class (see `asimov.settings`) whose fields are to be filled in.

    Raises
    ------
    ValueError
        If the name or the text can't be used.
    AsimovError
        If the settings class can't be used.
    """

    name: str
    text: str
    answers: type[T]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r} is not a name for a question: use letters, digits and _.-"
            )
        if not self.text.strip():
            raise ValueError(f"the question {self.name!r} has no text")
        check(self.answers)

    def answered(self, settings: Mapping[str, Any]) -> T | None:
        """Return the answers in an analysis's settings; None if there are none.

        Parameters
        ----------
        settings
            The effective settings, such as ``production.meta``.

        Raises
        ------
        AsimovError
            If they are not what the class declares.
        """
        every = settings.get(ANSWERS)
        given = every.get(self.name) if isinstance(every, Mapping) else None
        if not isinstance(given, Mapping):
            return None
        try:
            return made(self.answers, given)
        except AsimovError as error:
            message = f"{ANSWERS}: {self.name}: {error.message}"
            raise AsimovError(message, hint=error.hint) from error
