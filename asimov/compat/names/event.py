"""The older module ``asimov.event``: Event and Production, made outside a project.

cbcflow and bilby_tgr make an `Event` from what they know of a signal and call the ledger's
`add_event` or `update_event` with it. asimov-gwdata imports `Production` to annotate arguments.
A project's own subjects and analyses are instances of these classes too.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asimov.compat.globals import config
from asimov.logs import logger
from asimov.project import analysis, subject
from asimov.project.git.repository import EventRepo
from asimov.settings.merging import copied

#: Keys of an event's description that are not settings.
_OF_EVENT = frozenset({"kind", "name", "repository", "productions", "analyses", "ledger"})
#: Keys of an analysis's description that are not settings.
_OF_PRODUCTION = frozenset({"kind", "name", "event", "subject", "pipeline", "status", "comment"})


class DescriptionException(Exception):  # noqa: N818  (packages catch this name)
    """The description of a subject or an analysis is invalid.

    Parameters
    ----------
    message
        What is wrong.
    production
        The analysis concerned.
    """

    def __init__(self, message: str, production: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.production = production


class Event(metaclass=ABCMeta):  # noqa: B024  (a project's own subjects count as such)
    """A subject that is in no ledger yet.

    Parameters
    ----------
    name
        Its name.
    repository
        Its own git repository: a path or a URL. Without one it has a part of the project's.
    update
        Ignored.
    **settings
        All else; ``productions`` (or ``analyses``) is a list of analyses, ``ledger`` what
        `update_data` hands it to.

    Attributes
    ----------
    meta
        Its settings.
    productions
        Its analyses.
    """

    def __init__(
        self, name: str, repository: str | None = None, update: bool = False, **settings: Any
    ) -> None:
        self.name = name
        self.ledger = settings.get("ledger")
        self.meta = {key: copied(each) for key, each in settings.items() if key not in _OF_EVENT}
        self.issue_object = None
        self.logger = logger().getChild(name)
        self.productions: list[Any] = []
        self._repository = repository
        for key in ("analyses", "productions"):
            for each in settings.get(key) or []:
                self.add_production(Production.from_dict(each, subject=self))

    def __repr__(self) -> str:
        return f"<Event {self.name}>"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], update: bool = False, ledger: Any = None) -> Event:
        """Return the event that a mapping describes, and hand it to a ledger if one is given."""
        described = {key: each for key, each in data.items() if key not in {"kind", "ledger"}}
        event = cls(**described, update=update, ledger=ledger)
        if ledger is not None:
            ledger.add_event(event)
        return event

    @property
    def analyses(self) -> list[Any]:
        """Its analyses."""
        return self.productions

    @property
    def work_dir(self) -> str:
        """The folder of its run directories in the project around the current folder, absolute."""
        return str(_root() / config.get("general", "rundir_default") / self.name)

    @property
    def webdir(self) -> str:
        """The folder of its pages in the project around the current folder, absolute."""
        return str(_root() / config.get("general", "webroot") / self.name)

    @property
    def repository(self) -> EventRepo:
        """The git repository that holds the configurations of its analyses."""
        if self._repository is not None:
            own = _root() / self._repository
            return EventRepo(own) if own.is_dir() else EventRepo(own, url=self._repository)
        checkouts = _root() / config.get("general", "git_default")
        return EventRepo(checkouts / self.name, checkouts)

    def add_production(self, production: Any) -> None:
        """Add an analysis.

        Raises
        ------
        ValueError
            Where it has one of that name.
        """
        if production.name in [each.name for each in self.productions]:
            raise ValueError(f"{self.name} already has an analysis {production.name!r}")
        self.productions.append(production)

    def update_data(self) -> None:
        """Pass it to its ledger, if it has one."""
        if self.ledger is not None:
            self.ledger.update_event(self)

    def to_dict(self, productions: bool = True) -> dict[str, Any]:
        """Return it as a blueprint's document, with its analyses by default."""
        document: dict[str, Any] = {"name": self.name, **copied(self.meta)}
        if self._repository is not None:
            document["repository"] = self._repository
        if productions and self.productions:
            document["analyses"] = [each.to_dict() for each in self.productions]
        return document


class Production(metaclass=ABCMeta):  # noqa: B024  (as are its analyses)
    """An analysis that is in no ledger yet.

    Parameters
    ----------
    subject
        The event that it is of, or its name.
    name, pipeline
        Its name and that of its pipeline.
    status
        The state that it begins in.
    comment
        A note for people.
    **settings
        All else.
    """

    def __init__(
        self,
        subject: Any,
        name: str,
        pipeline: str,
        status: str | None = None,
        comment: str | None = None,
        **settings: Any,
    ) -> None:
        self.subject = self.event = subject
        self.name = name
        self.pipeline = pipeline
        self.status = status or "ready"
        self.comment = comment
        self.meta = {key: copied(each) for key, each in settings.items() if key != "ledger"}

    def __repr__(self) -> str:
        return f"<Production {self.name}>"

    @classmethod
    def from_dict(
        cls, parameters: Mapping[str, Any], subject: Any = None, ledger: Any = None
    ) -> Production:
        """Return the analysis that a mapping describes.

        Parameters
        ----------
        parameters
            A blueprint's document, or a mapping of the name to the rest of one.
        subject
            The event; left out, it is the name that the document has.
        ledger
            Ignored: call the ledger's `add_analysis` to add it.

        Raises
        ------
        DescriptionException
            Where the name or the pipeline is missing.
        """
        described = dict(parameters)
        if len(described) == 1 and isinstance(next(iter(described.values())), Mapping):
            (name, settings), *_ = described.items()
            described = {"name": name, **settings}
        for key in ("name", "pipeline"):
            if not described.get(key):
                raise DescriptionException(f"an analysis without a {key!r}: {described}")
        of = subject if subject is not None else described.get("subject", described.get("event"))
        settings = {key: each for key, each in described.items() if key not in _OF_PRODUCTION}
        known = {key: described.get(key) for key in ("name", "pipeline", "status", "comment")}
        return cls(of, **known, **settings)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a blueprint's document."""
        document = {"name": self.name, "pipeline": self.pipeline, **copied(self.meta)}
        if self.status != "ready":
            document["status"] = self.status
        if self.comment is not None:
            document["comment"] = self.comment
        return document


Event.register(subject.Subject)
Production.register(analysis.Analysis)
Subject = Event


def _root() -> Path:
    """Return the folder of the project that is open or around the current folder, or this one."""
    return Path(config.get("project", "root", fallback=str(Path.cwd()))).absolute()
