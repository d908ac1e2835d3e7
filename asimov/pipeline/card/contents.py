"""The card of a pipeline: name, version and title, what it makes, and its own routes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from asimov.pipeline.card.visits import Route
from asimov.settings import BaseSettings

#: A class of settings.
SettingsClass = type[BaseSettings]
#: What a pipeline may be for.
TYPES = ("processing", "visualization", "conversion", "dataloader", "interaction")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,49}", re.ASCII)


@dataclass(frozen=True)
class DataOutput:
    """Files that an analysis makes, with their types.

    Parameters
    ----------
    asset
        The name of the asset.
    path
        The file in the run directory, or a pattern of several: ``table-*.csv``.
    data_type
        What the data are: ``entity/list``, ``distance-matrix``; the words are those of the group
        of programs that exchange them.
    content_type
        Their media type, or several that are possible; files of the card have the first.
    required
        Whether every analysis makes it.
    """

    asset: str
    path: str
    data_type: str
    content_type: str | tuple[str, ...]
    required: bool = True

    @property
    def content_types(self) -> tuple[str, ...]:
        """The media types, as a tuple."""
        given = self.content_type
        return (given,) if isinstance(given, str) else tuple(given)


@dataclass(frozen=True)
class Link:
    """An address that a pipeline offers to other programs.

    Parameters
    ----------
    type
        What is there, in a word that the other programs know.
    href
        The address, absolute or below the pipeline's own.
    """

    type: str
    href: str


@dataclass(frozen=True)
class Card:
    """How a pipeline presents itself.

    A package publishes it under the entry-point group ``asimov.cards``, with the name of the
    pipeline.

    Parameters
    ----------
    name
        Its name for other programs: letters, digits, ``_`` and ``-``.
    version
        Its version, such as ``v0.1.0``.
    title, description
        For people.
    type
        One of `TYPES`.
    tags
        Words to find it by.
    outputs
        What it makes.
    links
        Addresses that it offers, such as those of its own routes.
    routes
        Its own routes, which the service answers.
    settings
        Of a registered function: its settings as a class, whose fields are those of the form. A
        pipeline declares its settings itself.

    Raises
    ------
    ValueError
        If the name, the version or the type can't be used.
    """

    name: str
    version: str
    title: str = ""
    description: str = ""
    type: str = "processing"
    tags: tuple[str, ...] = ()
    outputs: tuple[DataOutput, ...] = ()
    links: tuple[Link, ...] = ()
    routes: tuple[Route, ...] = ()
    settings: SettingsClass | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r} is not a name for a card: use letters, digits, _ and -"
            )
        if not _VERSION.fullmatch(self.version):
            raise ValueError(
                f"{self.version!r} is not a version for a card: write one such as 'v0.1.0'"
            )
        if self.type not in TYPES:
            raise ValueError(f"{self.type!r} is not a type of cards: use {', '.join(TYPES)}")

    @property
    def identifier(self) -> str:
        """Its name and version in an address: ``hello@v0-1-0``."""
        return identifier(self.name, self.version)


def identifier(name: str, version: str) -> str:
    """Return a name and a version as an address has them.

    Examples
    --------
    >>> identifier("hello", "v0.1.0")
    'hello@v0-1-0'
    """
    return f"{name}@{version.replace('.', '-')}"


def version_order(version: str) -> tuple[object, ...]:
    """Return what sorts versions: numbers by value, and what precedes a release before it.

    Examples
    --------
    >>> sorted(["v0.10.0", "v0.9", "0.10.0-rc1", "v1"], key=version_order)
    ['v0.9', '0.10.0-rc1', 'v0.10.0', 'v1']
    """
    found = re.match(r"v?(\d+(?:\.\d+)*)(.*)", version, re.DOTALL)
    if found is None:
        return ((), 0, version)
    numbers = [int(each) for each in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    rest = found[2]
    early = re.match(r"[.\-_]?(a|b|c|rc|alpha|beta|pre|dev)", rest)
    return (tuple(numbers), -1 if early else 1 if rest.strip("+") else 0, rest)
