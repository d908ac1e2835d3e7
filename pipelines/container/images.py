"""References of images: a name in a registry, a SIF file, or an unpacked root folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from asimov.errors import AsimovError
from asimov.system.files import is_file, is_folder
from asimov.text import nearest, quoted

#: The kinds, with what they are called in messages.
KINDS = {"docker": "a Docker reference", "sif": "a SIF file", "root": "an unpacked root folder"}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
#: Source: the grammar in the package `reference` of github.com/distribution/reference.
_REFERENCE = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
    r"(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?P<digest>@[a-z0-9]+:[0-9a-f]{32,})?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Image:
    """An image.

    Attributes
    ----------
    kind
        One of `KINDS`.
    address
        The reference without ``docker://``, or the absolute path of the file or folder.
    """

    kind: str
    address: str

    def __str__(self) -> str:
        return self.address

    @property
    def url(self) -> str:
        """The address as HTCondor and Apptainer take it."""
        return f"docker://{self.address}" if self.kind == "docker" else self.address

    @property
    def version(self) -> str:
        """The tag or digest of a reference; empty where it has none."""
        found = _REFERENCE.fullmatch(self.address) if self.kind == "docker" else None
        return (found["digest"] or "").lstrip("@") or found["tag"] or "" if found else ""


def image_of(text: str, root: Path) -> Image:
    """Return the image that a text names.

    A text that is the path of a file or folder means that; any other is a reference, unless it
    can only be a path.

    Parameters
    ----------
    text
        ``nadeemlab/cg-gnn:0.2``, ``docker://ubuntu``, ``images/worker.sif``, ``/cvmfs/worker``.
    root
        The folder that relative paths start from.

    Raises
    ------
    AsimovError
        If it is neither a reference nor there.
    """
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() != "docker":
        raise AsimovError(
            f"can't use the image {quoted(text)}: {quoted(scheme[1])} is not supported",
            hint="give a Docker reference, a SIF file, or the folder of an unpacked image",
        )
    if scheme is None:
        path = Path(root, Path(text).expanduser())
        if is_folder(path):
            if not (path / "usr").is_dir():
                raise AsimovError(
                    f"the folder {quoted(text)} has no 'usr', so it is not the root of an image",
                    hint="name the folder that holds bin, etc, lib and usr",
                )
            return Image("root", str(path.resolve()))
        if is_file(path):
            return Image("sif", str(path.resolve()))
        if text.startswith((".", "/", "~")) or text.endswith(".sif"):
            raise AsimovError(
                f"the image {quoted(text)} does not exist{_similar(path)}", hint="correct the path"
            )
        if similar := _similar(path):
            raise AsimovError(
                f"there is no image file or folder {quoted(text)}{similar}",
                hint=f"for an image in a registry, write 'docker://{text}'",
            )
    address = text[scheme.end() :] if scheme else text
    if not _REFERENCE.fullmatch(address):
        raise AsimovError(
            f"{quoted(text)} is not an image reference, and there is no such file or folder",
            hint="a reference looks like nadeemlab/cg-gnn:0.2, in lower case",
        )
    return Image("docker", address)


def _similar(path: Path) -> str:
    """Return a question about a SIF file or root folder with nearly the name of a path."""
    try:
        names = [each.name for each in path.parent.iterdir()]
    except OSError:
        return ""
    near = nearest(path.name, names, 0.8)
    there = near and (near.endswith(".sif") or (path.parent / near / "usr").is_dir())
    return f"; did you mean {quoted(near)}?" if there else ""
