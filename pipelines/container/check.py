"""Check whether an image keeps the contract of SPT's plugins, by asking and running it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asimov.pipelines.container import asking, spt_cells, spt_importances
from asimov.pipelines.container import spt_configuration as ini
from asimov.pipelines.container.images import KINDS, Image
from asimov.pipelines.container.runtimes import FOLDER, Mount, Runtime
from asimov.pipelines.container.spt_commands import COMMANDS, GRAPHS, TRAIN, TRAINING, script

from asimov.errors import AsimovError
from asimov.text import listed

#: Where the input and the configuration are in the container.
_INPUT, _SETTINGS, _OUTPUT = "/mnt/inputs/graphs", "/mnt/inputs/settings", "output"
#: Folders that the printing commands are started in: they should not matter.
_FOLDERS = ("/", "/tmp")


class Finding(NamedTuple):
    """What was found about one part of the contract.

    Attributes
    ----------
    contract
        The part.
    holds
        Whether it is kept; None if that is not known.
    seen
        What was seen.
    """

    contract: str
    holds: bool | None
    seen: str = ""


def check(image: Image, wanted: str | None, graphs: Path | None = None) -> Iterator[Finding]:
    """Yield what is found about an image, as soon as it is known.

    Parameters
    ----------
    image
        The image.
    wanted
        The runtime to use, or None for the first that works here.
    graphs
        A folder of graphs to train on, or None to check what needs no training.

    Raises
    ------
    AsimovError
        If no runtime here runs the image.
    """
    runtime = asking.local_runtime(image, wanted)
    open_to_changes = "" if runtime.read_only else "; what it mounts is not protected from changes"
    seen = f"{runtime.name} runs {KINDS[image.kind]}, {image}{open_to_changes}"
    yield Finding("runtime", True, seen)
    shell = asking.run(runtime, image, ["sh", "-c", "true"])
    yield Finding("shell", not shell.code, "" if not shell.code else f"no 'sh': {shell.last_words}")
    if shell.code:
        return
    there = {name: _is_there(runtime, image, name) for name in COMMANDS}
    for name, found in there.items():
        yield Finding("command", found, name if found else f"there is no command {name}")
    printed: dict[str, str] = {}
    for name in (GRAPHS, TRAINING):
        if there[name]:
            yield from _printed(runtime, image, name, printed)
    if TRAINING in printed:
        yield _section(printed[TRAINING])
    if graphs is None:
        yield Finding("training", None, "not tried: give --input FOLDER to train on its graphs")
    elif there[TRAIN]:
        yield from _trained(runtime, image, printed.get(TRAINING, ""), graphs)


def _is_there(runtime: Runtime, image: Image, command: str) -> bool:
    asked = asking.run(runtime, image, ["sh", "-c", 'command -v "$0"', command])
    return not asked.code and bool(asked.out.strip())


def _printed(
    runtime: Runtime, image: Image, command: str, printed: dict[str, str]
) -> Iterator[Finding]:
    """Yield what is wrong with what a command prints, and keep it."""
    answers = [asking.run(runtime, image, [command], folder=each) for each in _FOLDERS]
    failed = next((each for each in answers if each.code), None)
    if failed is not None:
        seen = f"{command} failed with exit code {failed.code}: {failed.last_words}"
        yield Finding("configuration", False, seen)
        return
    if answers[0].out != answers[1].out:
        seen = f"{command} prints something else in {_FOLDERS[0]} than in {_FOLDERS[1]}"
        yield Finding("any folder", False, seen)
    try:
        sections = ini.parsed(answers[0].out, command)
    except AsimovError as error:
        yield Finding("configuration", False, str(error))
        return
    printed[command] = answers[0].out
    names = listed(f"[{name}]" for name in sections) or "nothing: every setting will be accepted"
    yield Finding("configuration", True, f"{command} prints {names}")


def _section(text: str) -> Finding:
    try:
        sections = ini.parsed(text, TRAINING)
        name = ini.own_section(sections, None, "")
    except AsimovError as error:
        return Finding("section", False, error.with_hint)
    known = listed(sections.get(name, {})) or "nothing"
    return Finding("section", True, f"the plugin's own is [{name}], with {known}")


def _trained(runtime: Runtime, image: Image, text: str, graphs: Path) -> Iterator[Finding]:
    """Train with the printed configuration, and yield what is found about the result."""
    try:
        cells = spt_cells.cells_of(graphs)
        lacks = spt_cells.missing_parts(graphs)
    except AsimovError as error:
        yield Finding("training", None, str(error))
        return
    if lacks:
        yield Finding("training", None, f"{graphs} {lacks}")
        return
    with tempfile.TemporaryDirectory(prefix="asimov-check-", ignore_cleanup_errors=True) as name:
        work, settings = Path(name, "work"), Path(name, "settings")
        work.mkdir()
        settings.mkdir()
        (settings / "training.config").write_text(text)
        mounts = [
            Mount(str(graphs.resolve()), _INPUT),
            Mount(str(settings), _SETTINGS),
            Mount(str(work), FOLDER, writable=True),
        ]
        words = ["sh", "-c", script("training.config", _OUTPUT, shared=False), TRAIN]
        answer = asking.run(
            runtime, image, [*words, _INPUT, _SETTINGS], mounts=mounts, folder=FOLDER, patience=3600
        )
        if answer.code:
            seen = f"{TRAIN} failed with exit code {answer.code}: {answer.last_words}"
            yield Finding("training", False, seen)
            return
        result = work / _OUTPUT / "importances.csv"
        if not result.is_file():
            yield Finding("importances", False, "exit code 0, and no importances.csv")
            return
        faults = list(spt_importances.faults(result, cells))
        for line, what in faults:
            place = f"importances.csv, line {line}" if line else "importances.csv"
            yield Finding("importances", False, f"{place}: {what}")
        if not faults:
            yield Finding("importances", True, f"{len(cells.specimens)} cells")
