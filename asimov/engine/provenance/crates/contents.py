"""What a crate contains, as asimov reads it back: the file ``asimov-crate.json`` in the crate."""

from __future__ import annotations

from pathlib import PurePosixPath

import msgspec

from asimov.errors import AsimovError
from asimov.text import quoted

#: The version of the format, and the files that every crate has.
FORMAT = 1
FILE = "asimov-crate.json"
METADATA = "ro-crate-metadata.json"
BLUEPRINT = "blueprint.yaml"
README = "README.md"

#: Hidden names that a crate may have all the same: every store of Zarr data has these files.
_DATA = {".zgroup", ".zarray", ".zattrs", ".zmetadata"}

#: Folders of a project that asimov writes itself, where a crate puts nothing.
RESERVED = {"ledger", "checkouts", "logs", "pages", "results", "working"}


#: Why programs, packages and templates of packages are not in a crate.
SOFTWARE = "it is software of the machine"
#: Why a product is not in a crate that was to have all products.
GONE = "it is missing from the results"
DAMAGED = "it has changed since it was stored"


class Packed(msgspec.Struct, omit_defaults=True):
    """A file of the analysis, in the crate or not.

    Attributes
    ----------
    role
        ``configuration``, ``template``, ``executable``, ``input``, ``image``, ``product``, ``log``
        or ``record``.
    path
        What it is called: relative to the project, or absolute; of products and logs, relative to
        the run directory.
    place
        Its path in the crate; empty if it is not in it.
    sha256, size
        Of its content, in hexadecimal digits and bytes.
    of
        The analysis that produced it, as ``subject/name``; then the path is relative to that
        analysis's run directory.
    why
        Why it is not in the crate.
    program
        Whether its owner may execute it.
    note
        What else people should know of it.
    """

    role: str
    path: str
    place: str = ""
    sha256: str | None = None
    size: int | None = None
    of: str = ""
    why: str = ""
    program: bool = False
    note: str = ""


class Contents(msgspec.Struct, omit_defaults=True):
    """What a crate contains.

    Attributes
    ----------
    format
        The version of this format.
    analysis, number, uid
        The analysis, as ``subject/name``, and its attempt.
    project, root
        The project's name, and its folder there.
    pipelines
        The package with version of each pipeline, by the pipeline's name.
    files
        Its files, and those that it would need.
    modules
        The modules of functions that the project's configuration names, as it writes them.
    sums
        The SHA-256 of the blueprint and the other texts beside the files. That of this file is in
        the metadata.
    """

    format: int
    analysis: str
    number: int
    uid: str
    project: str
    root: str
    pipelines: dict[str, str]
    files: list[Packed]
    modules: str = ""
    sums: dict[str, str] = {}

    @property
    def name(self) -> str:
        """The attempt as commands write it."""
        return f"{self.analysis}@{self.number}"


def needed(contents: Contents) -> list[Packed]:
    """Return the files that a rerun needs and that are not in a crate, but for software."""
    aside = {"product", "log", "record"}
    return [
        each
        for each in contents.files
        if not each.place and each.role not in aside and each.why != SOFTWARE
    ]


def decoded(data: bytes) -> Contents:
    """Return what the file `FILE` of a crate says; every file in the crate may be where it is.

    The path of a file that is not in the crate is only for people, and may be anything.

    Raises
    ------
    AsimovError
        If it says something else.
    """
    try:
        found = msgspec.json.decode(data, type=Contents)
    except (msgspec.MsgspecError, ValueError) as error:
        raise AsimovError(f"{FILE} can't be understood: {error}") from error
    if found.format > FORMAT:
        raise AsimovError(
            f"{FILE} has format {found.format}, but this version of asimov reads up to format "
            f"{FORMAT}",
            hint="upgrade asimov",
        )
    for each in found.files:
        if each.place:
            check_path(each.place)
            if each.sha256 is None or each.size is None:
                raise AsimovError(f"{FILE} has no checksum for {quoted(each.place)}")
            if each.of or not each.path.startswith("/"):
                check_path(each.path)
    return found


def check_path(path: str) -> None:
    """Refuse a path that leaves its folder, or that is hidden in it and may be obeyed by programs.

    Raises
    ------
    AsimovError
        If it is absolute, goes up, has an empty or hidden part, or characters that can't be shown.
    """
    parts = path.split("/")
    if (
        not path
        or PurePosixPath(path).is_absolute()
        or any(part in {"", ".."} or part.startswith(".") for part in parts[:-1])
        or not parts[-1]
        or (parts[-1].startswith(".") and parts[-1] not in _DATA)
        or "\\" in path
        or not path.isprintable()
        or any(len(part.encode(errors="replace")) > 255 for part in parts)
    ):
        raise AsimovError(f"{quoted(path)} isn't allowed as a path in a crate")


def why_not(path: str) -> str:
    """Return why a file of a project can't be put into a crate under its path; "" if it can."""
    try:
        check_path(path)
    except AsimovError:
        return "a crate can't contain hidden files, or names that can't be shown"
    if path.partition("/")[0] in RESERVED:
        return "it is in a folder that asimov writes to"
    return ""
