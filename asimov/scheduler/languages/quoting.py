r"""Quoting: HTCondor's two syntaxes for arguments and environments.

Source: HTCondor's manual, "condor_submit", the commands ``arguments`` and ``environment``. The
new syntax is enclosed in double quotes: blanks separate, single quotes group, a quote is doubled.
The old syntax is everything else: blanks separate arguments, ``;`` separates variables, and
``\"`` is a double quote.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from asimov.text import quoted


def split_arguments(value: str) -> list[str]:
    r"""Return the arguments that the submit command ``arguments`` names.

    Raises
    ------
    ValueError
        Where quotes do not match; the message says how.

    Examples
    --------
    >>> split_arguments('"one \'two words\' ""quoted"" "')
    ['one', 'two words', '"quoted"']
    >>> split_arguments('one  two')
    ['one', 'two']
    """
    text = value.strip()
    if text.startswith('"'):
        return _split_new(text)
    parts = text.replace('\\"', "\0")
    if '"' in parts:
        raise ValueError('a double quote inside must be written \\", or the whole in double quotes')
    return [part.replace("\0", '"') for part in parts.split()]


def _split_new(text: str) -> list[str]:
    if len(text) < 2 or not text.endswith('"'):
        raise ValueError(
            f"{quoted(text, 60)} starts with a double quote, and needs another one at its end"
        )
    inner = text[1:-1].replace('""', "\0")
    if '"' in inner:
        raise ValueError('a double quote inside double quotes must be doubled ("")')
    words: list[str] = []
    word: list[str] | None = None
    grouped = False
    position = 0
    while position < len(inner):
        char = inner[position]
        position += 1
        if char == "'":
            if grouped and inner[position : position + 1] == "'":
                position += 1
                word = [*(word or []), "'"]
            else:
                grouped = not grouped
                word = word or []
        elif char.isspace() and not grouped:
            if word is not None:
                words.append("".join(word))
            word = None
        else:
            word = word or []
            word.append(char)
    if grouped:
        raise ValueError(f"a single quote (') is not closed in {quoted(text, 60)}")
    if word is not None:
        words.append("".join(word))
    return [word.replace("\0", '"') for word in words]


def split_environment(value: str) -> dict[str, str]:
    """Return the variables that the submit command ``environment`` sets.

    Raises
    ------
    ValueError
        Where quotes do not match, or a part has no ``=``.
    """
    text = value.strip()
    if text.startswith('"'):
        parts = _split_new(text)
    else:
        parts = [part.strip() for part in text.split(";") if part.strip()]
    variables = {}
    for part in parts:
        name, equals, content = part.partition("=")
        if not equals or not name:
            raise ValueError(f"{part!r} is not name=value")
        variables[name] = content
    return variables


def inherited(getenv: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that the submit command ``getenv`` copies from the submitter.

    Parameters
    ----------
    getenv
        ``true``, ``false``, or names and patterns with ``*``; those starting with ``!`` are
        excluded.
    environ
        The submitter's environment; this process's by default.
    """
    environ = os.environ if environ is None else environ
    if getenv.strip().lower() in ("", "false", "no", "0"):
        return {}
    if getenv.strip().lower() in ("true", "yes", "1"):
        return dict(environ)
    patterns = [part.strip() for part in getenv.replace(" ", ",").split(",") if part.strip()]
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    unwanted = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    return {
        name: content
        for name, content in environ.items()
        if any(fnmatchcase(name, pattern) for pattern in wanted)
        and not any(fnmatchcase(name, pattern) for pattern in unwanted)
    }


def join_words(words: Iterable[str]) -> str:
    r"""Return words as the new syntax of ``arguments`` and ``environment`` writes them.

    >>> join_words(["a", "b c", "it's", 'say "so"'])
    '"a \'b c\' \'it\'\'s\' \'say ""so""\'"'
    """
    written = []
    for word in words:
        text = word.replace('"', '""')
        if not word or "'" in word or any(each.isspace() for each in word):
            text = "'" + text.replace("'", "''") + "'"
        written.append(text)
    return '"' + " ".join(written) + '"'
