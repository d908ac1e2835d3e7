"""Runtimes of containers: each turns an image and a command into one command line.

Sources: the manual pages of bwrap(1), ch-run(1), apptainer-exec(1), docker-run(1) and
podman-run(1); HTCondor's manual, "Container Universe Jobs".
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import ClassVar

from asimov.pipelines.container.images import Image

from asimov.errors import AsimovError
from asimov.pipeline.nodes import Input
from asimov.text import quoted

#: Where the job's folder and its inputs are in a container.
FOLDER, INPUTS = "/mnt/run", "/mnt/inputs"
#: Where programs are in an unpacked root, which has lost its image's own setting.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: A word of a command line; an `Input` stands for a path where the job runs.
Word = str | Input


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder that a container sees.

    Attributes
    ----------
    source
        Its path where the job runs; ``.`` is the job's own folder.
    target
        Its absolute path in the container.
    writable
        Whether the container may change it.
    """

    source: Word
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A command to run in a container.

    Attributes
    ----------
    image
        The image.
    command
        The program and its arguments, with paths in the container.
    mounts
        What it sees besides the image.
    environment
        Environment variables, besides those of the job, by name.
    passed
        Names of variables of the job that the container gets as they are.
    gpus
        Whether it gets the machine's GPUs.
    folder
        The folder that it starts in.
    """

    image: Image
    command: Sequence[Word]
    mounts: Sequence[Mount] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    passed: Sequence[str] = ()
    gpus: bool = False
    folder: str = FOLDER


class Runtime:
    """A way of running containers.

    Attributes
    ----------
    name
        Its name in the ledger.
    program
        The program that runs it, found on ``PATH``; empty for HTCondor.
    kinds
        The kinds of images that it runs.
    probe
        Arguments with which the program succeeds where it can run containers.
    mounts
        Whether it can show other files and folders at any path in the container.
    read_only
        Whether what it mounts can be protected from changes.
    """

    name: ClassVar[str]
    program: ClassVar[str] = ""
    kinds: ClassVar[frozenset[str]] = frozenset({"docker", "sif", "root"})
    probe: ClassVar[tuple[str, ...]] = ("--version",)
    mounts: ClassVar[bool] = True
    read_only: ClassVar[bool] = True
    #: Whether a file can be mounted, not only a folder.
    mounts_files: ClassVar[bool] = True

    def command_line(self, call: Call) -> list[Word]:
        """Return the words of the command line, without the program."""
        raise NotImplementedError

    def environment(self, call: Call) -> dict[str, str]:
        """Return environment variables that the program gets for a call."""
        return self.needs()

    def needs(self) -> dict[str, str]:
        """Return environment variables without which the program does not start."""
        return {}

    def submit_commands(self, call: Call) -> dict[str, str]:
        """Return HTCondor's submit commands for it."""
        return {}


class InHTCondor(Runtime):
    """HTCondor's container universe: the execute node has a runtime of its own."""

    name = "htcondor"
    mounts = False

    def command_line(self, call: Call) -> list[Word]:
        """Return the command as it is: HTCondor starts it in the container."""
        return list(call.command)

    def environment(self, call: Call) -> dict[str, str]:
        """Return the variables of the container, which the job has too."""
        return dict(call.environment)

    def submit_commands(self, call: Call) -> dict[str, str]:
        """Return the universe and the image."""
        return {"universe": "container", "container_image": call.image.url}


class Apptainer(Runtime):
    """Apptainer, which runs images of all kinds."""

    name = program = "apptainer"
    _prefix: ClassVar[str] = "APPTAINERENV_"

    def command_line(self, call: Call) -> list[Word]:
        """Return ``exec ... IMAGE COMMAND``."""
        return [
            "exec", "--no-home", *(["--nv"] if call.gpus else []),
            *_bound("--bind", call.mounts), "--pwd", call.folder, call.image.url, *call.command,
        ]  # fmt: skip

    def environment(self, call: Call) -> dict[str, str]:
        """Return the container's variables: an option for them would split them at commas."""
        return {f"{self._prefix}{name}": value for name, value in call.environment.items()}


class Singularity(Apptainer):
    """Singularity, from which Apptainer comes."""

    name = program = "singularity"
    _prefix = "SINGULARITYENV_"


class Docker(Runtime):
    """Docker, with its images and a daemon."""

    name = program = "docker"
    kinds = frozenset({"docker"})
    probe = ("info",)

    def command_line(self, call: Call) -> list[Word]:
        """Return ``run ... IMAGE ARGUMENTS``; the image's own entry point is not used."""
        # The values are in the job's environment: a command line is there for all to see.
        named = [word for name in (*call.environment, *call.passed) for word in ("--env", name)]
        program, *arguments = call.command
        return [
            "run", "--rm", "--init", *self._user(), *(self._gpus() if call.gpus else []),
            *_bound("--volume", call.mounts), "--workdir", call.folder, *named,
            "--entrypoint", program, call.image.address, *arguments,
        ]  # fmt: skip

    def environment(self, call: Call) -> dict[str, str]:
        """Return the variables of the container, which are handed on."""
        return dict(call.environment)

    def _user(self) -> list[str]:
        return ["--user", f"{os.getuid()}:{os.getgid()}"]

    def _gpus(self) -> list[str]:
        return ["--gpus", "all"]


class Podman(Docker):
    """Podman, Docker's command line without a daemon."""

    name = program = "podman"

    def _user(self) -> list[str]:
        return ["--userns", "keep-id"]

    def _gpus(self) -> list[str]:
        return ["--device", "nvidia.com/gpu=all"]


class Charliecloud(Runtime):
    """Charliecloud (0.33 or later), which runs unpacked root folders."""

    name, program = "charliecloud", "ch-run"
    kinds = frozenset({"root"})
    read_only = False
    mounts_files = False

    def command_line(self, call: Call) -> list[Word]:
        """Return ``... IMAGE -- COMMAND``."""
        variables = {"PATH": _PATH, "HOME": "/tmp", **call.environment}
        return [
            # An overlay in memory, so that a folder can be mounted where the image has none.
            "--write-fake", "--private-tmp", "--env-no-expand",
            *(f"--set-env={name}={value}" for name, value in variables.items()),
            *_bound("--bind", call.mounts, protect=False), f"--cd={call.folder}",
            call.image.address, "--", *call.command,
        ]  # fmt: skip

    def needs(self) -> dict[str, str]:
        """Return ``USER``, which ch-run insists on."""
        return {"USER": getpass.getuser()}


class Bubblewrap(Runtime):
    """bubblewrap, which runs unpacked root folders."""

    name, program = "bubblewrap", "bwrap"
    kinds = frozenset({"root"})
    probe = ("--ro-bind", "/", "/", "true")  # user namespaces may be refused

    def command_line(self, call: Call) -> list[Word]:
        """Return ``... -- COMMAND``."""
        variables = {"PATH": _PATH, "HOME": "/tmp", **call.environment}
        devices = ["--dev-bind", "/dev", "/dev"] if call.gpus else ["--dev", "/dev"]
        return [
            "--ro-bind", call.image.address, "/", *devices, "--proc", "/proc",
            "--tmpfs", "/tmp", "--tmpfs", "/mnt",
            *_mounted(call.mounts), "--chdir", call.folder,
            *(word for name, value in variables.items() for word in ("--setenv", name, value)),
            "--", *call.command,
        ]  # fmt: skip


#: All of them, in the order in which they are tried.
RUNTIMES: dict[str, Runtime] = {
    each.name: each
    for each in (
        InHTCondor(), Apptainer(), Singularity(), Docker(), Podman(), Charliecloud(), Bubblewrap()
    )
}  # fmt: skip


def _bound(option: str, mounts: Sequence[Mount], *, protect: bool = True) -> Iterator[Word]:
    """Yield the words of mounts in the form ``SOURCE:TARGET:ro``."""
    for mount in mounts:
        path = mount.source.path if isinstance(mount.source, Input) else mount.source
        for text in (path, mount.target):
            if ":" in text or "," in text:
                raise AsimovError(
                    f"{quoted(text)} can't be mounted: the runtime ends names at ':' and ','",
                    hint="rename it, or use another runtime",
                )
        yield option
        yield _in(mount, f"{{}}:{mount.target}" + (":ro" * (protect and not mount.writable)))


def _mounted(mounts: Sequence[Mount]) -> Iterator[Word]:
    for mount in mounts:
        yield "--bind" if mount.writable else "--ro-bind"
        yield _in(mount, "{}")
        yield mount.target


def _in(mount: Mount, form: str) -> Word:
    if isinstance(mount.source, Input):
        return replace(mount.source, form=form)
    return form.replace("{}", mount.source)


def target_of(name: str, taken: Mapping[str, object]) -> str:
    """Return a path in the container for an input, which no other has.

    Parameters
    ----------
    name
        The name that it should have.
    taken
        The paths that are in use.
    """
    number = 1
    while (target := f"{INPUTS}/{number}/{PurePosixPath(name).name}") in taken:
        number += 1
    return target
