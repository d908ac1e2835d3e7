"""Read and write YAML documents safely, with the line of every key for error messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from asimov.errors import AsimovError, Place


class Document(msgspec.Struct):
    """One document of a YAML stream.

    Attributes
    ----------
    data
        Its content.
    file
        The stream's name, for people.
    line
        Where it starts, counted from 1.
    text
        The whole stream, kept to find the lines of keys for error messages.
    moved
        The original places of paths that moved when the document was normalised.
    root
        The path of the data, if it is only a part of the document in the text.
    """

    data: Any
    file: str
    line: int
    index: int
    text: str
    moved: dict[tuple[str | int, ...], list[str | int]] = msgspec.field(default_factory=dict)
    root: tuple[str | int, ...] = ()

    def place(self, path: Sequence[str | int] = ()) -> Place:
        """Return the place of a key, or of the closest enclosing thing that exists.

        Parameters
        ----------
        path
            Keys of mappings and indices of lists, from the top of the document.
        """
        head = tuple(path[:2])
        moved = self.moved.get(head)
        path = [*self.root, *path] if moved is None else [*moved, *path[2:]]
        mark = _yaml().mark(self.text, self.index, path)
        return Place(self.file, mark.line + 1, mark.column + 1)

    def holds(self, path: Sequence[str | int]) -> bool:
        """Return whether the document as written has a key; for the path see `place`."""
        moved = self.moved.get(tuple(path[:2]))
        data = self.data
        for step in path if moved is None else [*moved, *path[2:]]:
            try:
                data = data[step]
            except (LookupError, TypeError):
                return False
        return True

    def normalise(self) -> dict[str, Any]:
        """Return a subject's data with its analyses in one list, each with a ``name``.

        Older documents list them as ``productions``, each as a mapping of its name to its settings.
        Values of other types are left for the schema to refuse.
        """
        subject: dict[str, Any] = self.data
        lists = {key: subject.get(key) or [] for key in ("analyses", "productions")}
        if not all(isinstance(each, list) for each in lists.values()):
            return subject
        analyses: list[Any] = []
        for key, items in lists.items():
            for number, item in enumerate(items):
                written: list[str | int] = [key, number]
                if (
                    isinstance(item, dict)
                    and len(item) == 1
                    and isinstance(next(iter(item.values())), dict)
                ):
                    (name, settings), *_ = item.items()
                    written.append(name)
                    item = {"name": name, **settings}  # noqa: PLW2901
                self.moved["analyses", len(analyses)] = written
                analyses.append(item)
        rest = {key: each for key, each in subject.items() if key not in lists}
        return {**rest, "analyses": analyses} if analyses else rest


class Mistake(Exception):  # noqa: N818  (`located` makes an error of it)
    """A mistake in the data of a document.

    Parameters
    ----------
    message
        What is wrong.
    path
        The keys of mappings and the indices of lists that lead to it.
    hint
        What to do about it.
    """

    def __init__(self, message: str, path: Sequence[str | int] = (), hint: str | None = None):
        super().__init__(message)
        self.message, self.path, self.hint = message, path, hint


@contextmanager
def located(document: Document | Place | str) -> Iterator[None]:
    """Turn a mistake found in the block into an error that gives its place in a document.

    Parameters
    ----------
    document
        The document, or the place itself.
    """
    try:
        yield
    except Mistake as mistake:
        where = document.place(mistake.path) if isinstance(document, Document) else document
        raise AsimovError(mistake.message, where=where, hint=mistake.hint) from mistake


def read_documents(text: str, file: str) -> list[Document]:
    """Read every document of a YAML stream, except empty ones.

    Parameters
    ----------
    text
        The stream.
    file
        Its name, for messages.

    Raises
    ------
    AsimovError
        For invalid YAML, a key given twice in one mapping, a tag that is not one of YAML's plain
        types, or an alias inside its own anchor; the error gives file, line and column.
    """
    read = _yaml().read(text, file)
    return [Document(data, file, line, index, text) for data, line, index in read]


def dump(data: Any) -> str:
    """Return data as YAML text, keeping the order of keys."""
    text: str = _yaml().dump(data)
    return text


def inline(data: Any) -> str:
    """Return data as YAML text in one line, in YAML's flow style."""
    text: str = _yaml().inline(data)
    return text


def _yaml() -> Any:
    """Return the module that reads and writes YAML; most commands do without PyYAML."""
    from asimov.ledger.streams import yaml_text

    return yaml_text
