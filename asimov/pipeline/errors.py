"""The exception that pipelines raise, and the message that they write to the log."""

from __future__ import annotations


class PipelineException(Exception):  # noqa: N818  (plugins import this name)
    """A pipeline reports a failure; its analysis becomes stuck.

    Parameters
    ----------
    message
        What went wrong.
    issue, production
        What it concerns; for people only.
    """

    def __init__(self, message: str = "", issue: object = None, production: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.issue = issue
        self.production = production


class PipelineLogger:
    """A message of a pipeline, for the log.

    Parameters
    ----------
    message
        The text.
    issue, production
        What it concerns.
    """

    def __init__(self, message: object, issue: object = None, production: object = None) -> None:
        self.message = message.decode(errors="replace") if isinstance(message, bytes) else message
        self.issue = issue
        self.production = production

    def __str__(self) -> str:
        return str(self.message)
