"""How a job gets at files: in place on a shared file system, or transferred by HTCondor.

A job whose files are transferred works in the folder ``run`` of its place on the execute node. What
it reads lies beside that folder; the whole content of ``run`` returns to the run directory when the
job ends, however it ends. So a relative path that a job writes is the same in both cases.

Source: HTCondor's manual, "Submitting Jobs Without a Shared File System".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from asimov.errors import AsimovError
from asimov.pipeline.nodes import Input, Node, Numbered
from asimov.pipeline.run_folder import FOLDER, SCRIPT, WRAPPER
from asimov.system.files import exists
from asimov.system.programs import on_path
from asimov.text import quoted

#: The values of the setting ``files``.
MODES = ("auto", "shared", "transfer")
#: The folder of inputs that need another name or a place of their own.
_STAGED = "inputs"
#: What ends a path in a text.
_ENDS = r"[^\s,;'\"\[\](){}<>|*?$=]*"


class Staged(msgspec.Struct):
    """A node with its words and files as they are where it runs.

    Attributes
    ----------
    executable, arguments, environment
        As in the submit description.
    commands
        Submit commands about files.
    texts
        Files to write into the run directory, by their names.
    links
        Links to make in the run directory: what each points to, by its name.
    """

    executable: str
    arguments: list[str]
    environment: dict[str, str]
    commands: dict[str, str] = msgspec.field(default_factory=dict)
    texts: dict[str, str] = msgspec.field(default_factory=dict)
    links: dict[str, str] = msgspec.field(default_factory=dict)


class Staging(Protocol):
    """A way of getting at files."""

    def stage(self, node: Node) -> Staged:
        """Return a node as it runs."""


class InPlace:
    """Files are read and written where they are."""

    def stage(self, node: Node) -> Staged:
        """Return a node as it runs.

        Raises
        ------
        AsimovError
            For an input that is a URL, and for a program that is not on ``PATH``.
        """
        for each in node.inputs:
            self._word(each)
        # HTCondor would look for a bare name in the run directory.
        executable = on_path(node.executable) or node.executable
        if "/" not in executable:
            raise AsimovError(
                f"the program {quoted(executable)} is not on PATH",
                hint="install it on this machine, or set 'files: transfer' if only the execute "
                "nodes have it",
            )
        return Staged(
            str(Path(executable).absolute()) if "/" not in node.executable else executable,
            [self._word(each) for each in node.arguments],
            {name: self._word(each) for name, each in node.environment.items()},
            {"getenv": "HOME, LANG, PATH, USER"},
        )

    def _word(self, word: str | Input) -> str:
        if isinstance(word, str):
            return word
        if word.is_url:
            raise AsimovError(
                f"{quoted(word.path)} is a URL, which HTCondor fetches only if it transfers files",
                hint="set 'files: transfer' for the analysis",
            )
        return word.word(word.path)


class Transfer:
    """HTCondor transfers files to the execute node and back.

    Parameters
    ----------
    root
        The project's folder: its files are sent along where a word or a text names them.
    rundir
        The run directory. A path in it that exists is an input; any other is written by the job.
    """

    def __init__(self, root: Path, rundir: Path) -> None:
        self._root = root
        self._rundir = rundir

    def stage(self, node: Node) -> Staged:
        """Return a node as it runs.

        Raises
        ------
        AsimovError
            For an input that can't be transferred.
        """
        load = _Load(self._root, self._rundir, node.name)
        # First, so that plain words find the names that these got.
        for each in [*node.inputs, *node.arguments, *node.environment.values()]:
            if isinstance(each, Input):
                load.add(each)
        executable = load.localised(node.executable)
        staged = Staged(
            str(self._rundir / WRAPPER),
            [executable, *map(load.word, node.arguments)],
            {name: load.word(each) for name, each in node.environment.items()},
            texts={WRAPPER: SCRIPT, **load.texts},
            links=load.links,
        )
        staged.commands = {
            "should_transfer_files": "YES",
            "when_to_transfer_output": "ON_EXIT",
            "transfer_input_files": ", ".join(load.sources),
            # With the slash: what is in it, however much the job has left.
            "transfer_output_files": f"{FOLDER}/",
            "+WantIOProxy": "true",  # for condor_chirp
        }
        return staged


class _Load:
    """What is sent along with a node: the path of each input where the job runs."""

    def __init__(self, root: Path, rundir: Path, node: str) -> None:
        self._root = root
        self._rundir = rundir
        self._node = node
        self._paths: dict[str, str] = {}
        self._names: set[str] = {WRAPPER, FOLDER}
        self.sources: list[str] = []
        self.texts: dict[str, str] = {}
        self.links: dict[str, str] = {}
        root_text, run_text = re.escape(str(root)), re.escape(str(rundir))
        self._pattern = re.compile(rf"(?:{run_text}|{root_text})(?:/{_ENDS})?(?![\w.\-])")

    def add(self, given: Input) -> str:
        """Send an input along; return its path in the job's folder."""
        if given.path in self._paths:
            return self._paths[given.path]
        name = given.basename
        source = given.path
        if given.text:
            source = self._copy(given, name)
        if name != Path(source).name or name in self._names or _splits(source):
            if given.is_url:
                raise AsimovError(
                    f"two inputs are called {quoted(name)}" if name in self._names
                    else f"the URL {quoted(source)} can't be transferred: HTCondor separates "
                    "names by commas",
                )  # fmt: skip
            # A folder of its own: HTCondor gives every input its last name.
            folder = f"{_STAGED}/{self._node}-{len(self._paths)}"
            self.links[f"{folder}/{name}"] = source
            source, place = str(self._rundir / folder), f"../{Path(folder).name}/{name}"
            self._names.add(Path(folder).name)
        else:
            place = f"../{name}"
            self._names.add(name)
        if _splits(source):
            raise AsimovError(
                "HTCondor can't transfer files of this folder, because its path has "
                + ("a comma" if "," in source else "a space at its end"),
                where=self._rundir, hint="move the project to another path",
            )  # fmt: skip
        self._paths[given.path] = place
        self.sources.append(source)
        return place

    def _copy(self, given: Input, name: str) -> str:
        """Have a text written with the paths that are right where the job runs."""
        own = f"{_STAGED}/{self._node}-text-{len(self.texts)}/{name}"
        try:
            text = Path(given.path).read_text()
        except (OSError, ValueError) as error:
            raise AsimovError("can't be read as text", where=given.path) from error
        self.texts[own] = self.localised(text)
        return str(self._rundir / own)

    def word(self, word: str | Input) -> str:
        """Return a word as it is where the job runs."""
        if isinstance(word, Input):
            return word.word(self.add(word))
        text = self.localised(word)
        return Numbered(text) if isinstance(word, Numbered) else text

    def localised(self, text: str) -> str:
        """Replace the project's paths in a text, and send along what they name."""
        if text in self._paths:
            return self._paths[text]
        if text.startswith(f"{self._root}/") and "\n" not in text:
            return self._place(text) or text  # it may hold blanks
        return self._pattern.sub(lambda found: self._replaced(found[0]), text)

    def _replaced(self, found: str) -> str:
        for path in _shorter(found):
            if place := self._place(path):
                return place + found[len(path) :]
        return found

    def _place(self, text: str) -> str | None:
        """Return the path of one of the project's files where the job runs, or None."""
        path = Path(text)
        if self._rundir.is_relative_to(path):  # it, or a folder around it
            return "." if path == self._rundir else None
        if exists(path):
            return self.add(Input(str(path)))
        if path.is_relative_to(self._rundir):
            return str(path.relative_to(self._rundir))
        return None


def _splits(path: str) -> bool:
    """Return whether a list of HTCondor's would split a path, or cut blanks at its ends."""
    return "," in path or "\n" in path or path != path.strip()


def _shorter(path: str) -> Iterator[str]:
    """Yield a path, and without the punctuation at its end."""
    yield path
    if (bare := path.rstrip(".:!/")) != path:
        yield bare


def mode_of(settings: Mapping[str, object]) -> str:
    """Return the setting ``files``.

    Raises
    ------
    AsimovError
        If it is none of `MODES`.
    """
    mode = settings.get("files", "auto")
    if mode not in MODES:
        raise AsimovError(f"files: should be {', '.join(MODES)}, not {quoted(str(mode))}")
    return str(mode)
