"""Find the programs that a command starts: by first lines of scripts, ``env`` and arguments.

Sources: execve(2), "Interpreter scripts"; env(1).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh", "fish", "csh", "tcsh"})
_PYTHON = re.compile(r"(?:python|pypy)[\d.]*")
#: What separates words in the text that follows ``sh -c``.
_WORD = re.compile(r"[^\s'\"<>|;&()=`$]+")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
#: The longest first line that the kernel reads, in bytes, and how far it follows such lines.
_LONGEST = 256
_DEEPEST = 4


class Started(NamedTuple):
    """A program that a command starts.

    Attributes
    ----------
    program
        Its absolute path; its name if it can't be found.
    unknown
        Why it is not known what it runs with, unless it belongs to an environment.
    """

    program: str
    unknown: str = ""


def started(words: Sequence[str], folder: str, path: str | None, depth: int = 0) -> list[Started]:
    """Return the programs that a command starts, so far as can be seen without running it.

    Parameters
    ----------
    words
        The program and its arguments.
    folder
        The folder that it starts in.
    path
        The ``PATH`` of the job; None if that is not known.
    depth
        How many first lines were followed.
    """
    program, arguments = os.path.join(folder, words[0]), list(words[1:])
    name = os.path.basename(program)
    if not os.path.isfile(program):
        return [Started(words[0], "it is not on this machine")]
    if name == "env":
        return _by_env(program, arguments, folder, path, depth)
    if is_python(program):
        return [Started(program, "it has no folder of packages")]
    interpreter = first_line(program)
    if interpreter and depth < _DEEPEST:
        # A console script of an environment is of that environment too.
        script = [Started(program)] if os.path.isfile(interpreter[0]) else []
        return [
            *script, *started([*interpreter, program, *arguments], folder, path, depth + 1)
        ]  # fmt: skip
    others = [each for word in arguments for each in _named(word, folder, path, depth)]
    if name in _SHELLS:
        return [Started(program, "a shell may run any program"), *others]
    return [Started(program, "it is neither a Python script nor in an environment"), *others]


def is_python(program: str) -> bool:
    """Return whether a program is an interpreter of Python."""
    return _PYTHON.fullmatch(os.path.basename(program)) is not None


def first_line(program: str) -> list[str]:
    """Return the interpreter that a script's first line names, with its argument; empty if none."""
    try:
        with open(program, "rb", buffering=0) as stream:
            start = stream.read(_LONGEST)
    except OSError:
        return []
    if not start.startswith(b"#!"):
        return []
    return os.fsdecode(start[2:].partition(b"\n")[0]).strip().split(maxsplit=1)


def _by_env(
    program: str, arguments: list[str], folder: str, path: str | None, depth: int
) -> list[Started]:
    """Return what ``env`` starts: the first word that is neither an option nor a variable."""
    while arguments:
        word = arguments.pop(0)
        if word.startswith(("-S", "--split-string")):
            rest = word.removeprefix("--split-string").removeprefix("-S").lstrip("= ")
            arguments = [*rest.split(), *arguments]
        elif word.startswith("PATH="):
            path = word.partition("=")[2]
        elif word in {"-u", "-C"}:
            arguments = arguments[1:]
        elif not word.startswith("-") and not _ASSIGNMENT.fullmatch(word):
            found = word if "/" in word else path is not None and shutil.which(word, path=path)
            if not found:
                return [Started(word, "it is found on the PATH of the job")]
            return started([found, *arguments], folder, path, depth + 1)
    return [Started(program, "it starts nothing that is named")]


def _named(word: str, folder: str, path: str | None, depth: int) -> Iterator[Started]:
    """Yield the programs among the paths in an argument."""
    for part in _WORD.findall(word) if "/" in word else ():
        if "/" in part and depth < _DEEPEST:
            found = os.path.normpath(os.path.join(folder, part))
            if os.path.isfile(found) and os.access(found, os.X_OK):
                yield from started([found], folder, path, _DEEPEST - 1)
