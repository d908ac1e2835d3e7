"""Read answers to an analysis's questions from the command line (``key=value``) or a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError
from asimov.ledger.documents import read_documents
from asimov.system import reading
from asimov.text import of_bytes, quoted


def given_answers(words: Sequence[str], file: Path | None) -> dict[str, Any]:
    """Return the answers of a command line; those in words win over those of the file.

    Parameters
    ----------
    words
        ``key=value``, with values written as in YAML.
    file
        A YAML or JSON file with a mapping, or None.

    Raises
    ------
    AsimovError
        If they can't be read.
    """
    answers = {} if file is None else _of_file(file)
    for word in words:
        key, equals, value = word.partition("=")
        if not (key.strip() and equals):
            raise AsimovError(f"{quoted(word)} is not an answer: write KEY=VALUE")
        documents = read_documents(value, f"the answer {key}")
        answers[key.strip()] = documents[0].data if documents else ""
    return answers


def _of_file(path: Path) -> dict[str, Any]:
    try:
        documents = read_documents(of_bytes(reading.contents(path)), str(path))
    except OSError as error:
        raise AsimovError(f"can't be read: {error.strerror}", where=path) from error
    if len(documents) != 1 or not isinstance(documents[0].data, dict):
        raise AsimovError("should contain the answers, one line 'NAME: VALUE' for each", where=path)
    return {str(key): value for key, value in documents[0].data.items()}
