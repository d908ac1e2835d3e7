"""What pipelines say: an error that they know of, and a message for the log."""

from __future__ import annotations


class PipelineException(Exception):  # noqa: N818  (plugins import this name)
    """Something went wrong that the pipeline knows of; its analysis becomes stuck.

    Parameters
    ----------
    message
        What went wrong.
    issue, production
        Whom it concerns; for people only.
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
        What there is to say.
    issue, production
        Whom it concerns.
    """

    def __init__(self, message: object, issue: object = None, production: object = None) -> None:
        self.message = message.decode(errors="replace") if isinstance(message, bytes) else message
        self.issue = issue
        self.production = production

    def __str__(self) -> str:
        return str(self.message)
