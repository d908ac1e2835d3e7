"""Run a short command in an image on this machine, and return what it prints."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from asimov.pipelines.container import choice
from asimov.pipelines.container.images import Image
from asimov.pipelines.container.runtimes import Call, Mount, Runtime

from asimov.errors import AsimovError
from asimov.text import line, of_bytes, quoted

#: How long a command may take, in seconds: an image may have to be fetched.
PATIENCE = 240
#: How long what a command printed is known, in seconds: hundreds of analyses use one image.
_KNOWN = 60
_printed: dict[tuple[str, Image, str], tuple[float, str]] = {}


class Answer(NamedTuple):
    """What a command came to.

    Attributes
    ----------
    code
        Its exit code.
    out, err
        What it printed.
    """

    code: int
    out: str
    err: str

    @property
    def last_words(self) -> str:
        """The last line that it printed."""
        lines = [each for each in (self.err or self.out).splitlines() if each.strip()]
        return line(lines[-1].strip())[:200] if lines else "it printed nothing"


def printed(runtime: Runtime, image: Image, command: str) -> str:
    """Return what a command without arguments prints.

    Raises
    ------
    AsimovError
        If the image has no such command, or it fails.
    """
    key = (runtime.name, image, command)
    asked, text = _printed.get(key, (-math.inf, ""))
    if time.monotonic() - asked < _KNOWN:
        return text
    answer = run(runtime, image, [command])
    if answer.code:
        missing = answer.code == 127 or "not found" in answer.last_words
        missing = missing or "No such file" in answer.last_words
        raise AsimovError(
            f"the image {image} has no command {command}"
            if missing
            else f"{command} of the image {image} failed with exit code {answer.code}: "
            f"{answer.last_words}",
            hint=f"'asimov plugins check --image {image}' shows everything that breaks the "
            "contract",
        )
    _printed[key] = time.monotonic(), answer.out
    return answer.out


def local_runtime(image: Image, wanted: str | None) -> Runtime:
    """Return the runtime that runs an image on this machine.

    Parameters
    ----------
    image
        The image.
    wanted
        The configured runtime. HTCondor's own is on the execute nodes, so another is used here.

    Raises
    ------
    AsimovError
        If none works here.
    """
    runtime = choice.chosen(image, None if wanted == "htcondor" else wanted)
    if not shutil.which(runtime.program):
        raise AsimovError(
            f"{runtime.program} is not on PATH, and asimov has to ask the image "
            f"{quoted(str(image))} for its configurations",
            hint=f"install {runtime.name} on this machine, or choose another runtime",
        )
    return runtime


def run(
    runtime: Runtime,
    image: Image,
    command: Sequence[str],
    *,
    mounts: Sequence[Mount] = (),
    folder: str = "/",
    gpus: bool = False,
    patience: float = PATIENCE,
) -> Answer:
    """Run a command in an image.

    Parameters
    ----------
    runtime, image
        What runs it.
    command
        The program and its arguments.
    mounts
        What it sees besides the image; their sources are paths of this machine.
    folder
        The folder that it starts in.
    gpus
        Whether it gets this machine's GPUs.
    patience
        How long it may take, in seconds.

    Raises
    ------
    AsimovError
        If the runtime can't be started, or the command takes longer.
    """
    call = Call(image, command, mounts, {}, (), gpus, folder)
    words = [runtime.program, *map(str, runtime.command_line(call))]
    environment = {**os.environ, **runtime.environment(call)}
    typed = " ".join(command)
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, env=environment, cwd=Path("/"),
            timeout=patience, check=False,
        )  # fmt: skip
    except OSError as error:
        raise AsimovError(f"{runtime.program} can't be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise AsimovError(
            f"{quoted(typed)} took over {patience:g} s in the image {image}",
            hint="run it by hand to see why",
        ) from error
    return Answer(done.returncode, of_bytes(done.stdout), of_bytes(done.stderr))
