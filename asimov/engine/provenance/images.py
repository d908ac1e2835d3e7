"""What is in a container image: the digest of a reference, a SIF file or an unpacked root folder.

A digest is ``sha256:`` with that of a registry, of a runtime (the image's identity, which its
content determines) or of a SIF file, or that of `asimov.engine.provenance.trees`.

Sources: docker-inspect(1), podman-inspect(1).
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from asimov.engine.provenance.commands import Command
from asimov.engine.provenance.trees import tree
from asimov.text import line, of_bytes

#: Programs that say what a reference stands for on their machine, and others that run images.
_ASKED = frozenset({"docker", "podman"})
RUNTIMES = _ASKED | {"apptainer", "bwrap", "ch-run", "nerdctl", "shifter", "singularity", "udocker"}
#: How long a digest is taken for granted while many analyses are submitted, and how long a program
#: may take to tell one, in seconds.
_SOON = 10.0
_PATIENCE = 10

_DIGEST = re.compile(r".*@([a-z0-9]+:[0-9a-f]{32,})")
_IDENTITY = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


class Content(NamedTuple):
    """What is in the image of an attempt's jobs.

    Attributes
    ----------
    image
        A reference, or the path of a file or folder; empty if there is none.
    digest
        The digest of its content, if it is known.
    unknown
        Why it is not known.
    """

    image: str = ""
    digest: str = ""
    unknown: str = ""


class Images:
    """Finds what is in the images of the analyses of one submission.

    Parameters
    ----------
    sha256_of
        Returns the SHA-256 of a file.
    """

    def __init__(self, sha256_of: Callable[[str], str | None]) -> None:
        self._sha256_of = sha256_of
        self._known: dict[tuple[str, str], tuple[float, Content]] = {}

    def of(self, image: str, commands: Sequence[Command], rundir: str, scheduler: str) -> Content:
        """Return what is in the image of an analysis's jobs.

        Parameters
        ----------
        image
            As the pipeline names it; empty where only the commands may name one.
        commands, rundir
            The command lines of the jobs, and the folder that they start in.
        scheduler
            The scheduler's name: only jobs of ``local`` surely have the images of this machine.
        """
        named = {each.image for each in commands if each.image}
        runtimes = {each.executable for each in commands if _name(each) in RUNTIMES}
        if not image and len(named) == 1:
            image = named.pop().strip("\"'")
            file = os.path.join(rundir, image)
            image = file if os.path.exists(file) else image
        if not image:
            why = "only its command line names it" if runtimes else ""
            return Content(unknown="its jobs run in several" if named else why)
        asked = sorted(each for each in runtimes if os.path.basename(each) in _ASKED)
        program = asked[0] if len(runtimes) == 1 and asked and scheduler == "local" else ""
        since, known = self._known.get((image, program), (0.0, None))
        if known is None or time.monotonic() - since > _SOON:
            known = self._look(image, program)
            self._known[image, program] = time.monotonic(), known
        return known

    def _look(self, image: str, program: str) -> Content:
        if match := _DIGEST.fullmatch(image):
            return Content(image, match[1])
        if os.path.isdir(image):
            return Content(image, *tree(image))
        if os.path.isfile(image):
            sha256 = self._sha256_of(image)
            return Content(image, f"sha256:{sha256}") if sha256 else Content(image, "", "not read")
        if program:
            return Content(image, *_asked(program, image))
        return Content(image, unknown="only the execute nodes have it: name it by its digest")


def _asked(program: str, image: str) -> tuple[str, str]:
    """Return the digest of a reference that a runtime tells, or why it tells none."""
    address = image.removeprefix("docker://")
    name = os.path.basename(program)
    try:
        done = subprocess.run(
            [program, "inspect", "--type", "image", "--format", "{{.Id}}", address],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"{name} does not answer: {line(str(error))}"
    if match := _IDENTITY.fullmatch(of_bytes(done.stdout).strip()):
        return f"sha256:{match[1]}", ""
    said = line(of_bytes(done.stderr).strip().splitlines()[-1])[:100] if done.stderr.strip() else ""
    return "", f"{name} has no such image yet" + (f" ({said})" if said else "")


def _name(command: Command) -> str:
    return os.path.basename(command.executable)
