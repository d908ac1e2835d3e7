"""Tell a project from a copy of it, by where it is and by the inode of a marker file.

A copy has the same identity as the original, and the jobs of the original carry it. So every
command that acts records in the journal where the project is, and the inode of a marker file that
is never written again: a rename keeps the inode, a copy can't. A file system may reuse the inode
number of a deleted file, but with another generation, which is recorded too if it can be read.
The device number is not recorded: for the same network file system it may differ between machines
and after a reboot. Some file systems in user space don't keep inode numbers; there the change
time of the file serves as well, since a copy can't keep it.
"""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from asimov import configuration
from asimov.errors import AsimovError
from asimov.journal.journal import Journal
from asimov.project.layout import Project, new_id
from asimov.system.files import unwritable

PROPERTY = "whereabouts"
_MARK = "here"
#: Linux's FS_IOC_GETVERSION (linux/fs.h) where a long has 8 bytes; elsewhere it is refused.
_GET_GENERATION = 0x80087601
_TEXT = b"This file lets asimov tell the project from copies of it. Please leave it unchanged.\n"


class Whereabouts(NamedTuple):
    """Where a project was when a command last acted in it, and its marker file.

    Attributes
    ----------
    root
        Its folder.
    inode, changed
        The inode number of the marker file, and its change time, in nanoseconds.
    becoming
        The new identity that this copy is being given; empty unless that is unfinished.
    generation
        The generation of the inode; 0 if the file system does not report it.
    """

    root: str
    inode: int
    changed: int
    becoming: str = ""
    generation: int = 0


class UnsettledError(AsimovError):
    """A project may be a copy, and no one has said yet whether it is.

    Parameters
    ----------
    project
        The project.
    before
        The folder where it was.
    original
        Whether that folder still has a project of the same identity: then this one is a copy.
    begun
        Whether making it a project of its own was interrupted.
    """

    def __init__(
        self, project: Project, before: Path, *, original: bool, begun: bool = False
    ) -> None:
        copied = "'asimov project copied' makes it a separate project, without those jobs"
        if begun:
            what = "making this copy a separate project was interrupted"
            hint = "'asimov project copied' finishes it"
        elif original:
            what = f"this is a copy of the project in {before}, and must not touch the jobs of that"
            hint = copied
        elif before == project.root:
            what = "this project was replaced by a copy of it"
            hint = f"'asimov project moved' if only this one still exists; {copied}"
        else:
            what = f"this project was moved or copied; it was in {before}"
            hint = f"'asimov project moved' if the other one no longer exists; {copied}"
        super().__init__(what, where=project.root, hint=hint)
        self.project = project
        self.original = original
        self.begun = begun


def check(project: Project, journal: Journal) -> None:
    """Make sure that a project is not a copy before a command acts in it; record where it is.

    Raises
    ------
    UnsettledError
        If it may be a copy.
    """
    kept = journal.get_property(PROPERTY)
    doubt = doubt_of(project, kept)
    if doubt is not None:
        raise doubt
    refuse_links(project, kept)
    if kept is None or _decoded(kept).root != str(project.root):
        record(project, journal)


def doubt_of(project: Project, kept: str | None) -> UnsettledError | None:
    """Return the error for a project that may be a copy; None if it is not one.

    Parameters
    ----------
    project
        The project.
    kept
        The journal's property `PROPERTY`; None if no command has ever acted here.
    """
    if kept is None:
        return None
    known = _decoded(kept)
    before = Path(known.root)
    if known.becoming:
        return UnsettledError(project, before, original=True, begun=True)
    if not known.inode:  # written by another version
        return None
    mark = _mark(project.root)
    same = mark is not None and (
        mark.st_ctime_ns == known.changed
        or (mark.st_ino == known.inode and known.generation in {0, _generation(project.root)})
    )
    if same and before == project.root:
        return None
    original = before != project.root and _is_other(before, project)
    if same and not original:
        return None  # renamed, or mounted at another path
    return UnsettledError(project, before, original=original)


def refuse_links(project: Project, kept: str | None, *, moved: bool = False) -> None:
    """Refuse a project that shares its files with another folder by hard links, as by ``cp -l``.

    Both would write to the same journal.

    Parameters
    ----------
    project, kept
        As for `doubt_of`.
    moved
        Whether the user says that it was moved: then it is refused only if the other one exists.

    Raises
    ------
    AsimovError
        If the marker file has another link, and the project is not where it was.
    """
    before = Path(_decoded(kept).root) if kept else project.root
    mark = _mark(project.root)
    if before == project.root or mark is None or mark.st_nlink < 2:
        return
    if _mark(before) is None:
        if moved:
            return
        hint = "'asimov project moved' if it was moved; make a copy with 'cp -a', without links"
    else:
        hint = "make the copy with 'cp -a', without links"
    raise AsimovError(
        f"its files are hard links to those of {before}, so changing one changes both",
        where=project.root,
        hint=hint,
    )


def refuse_by_mark(project: Project) -> None:
    """Refuse a copy by its marker file alone, if there is no journal that says where it was.

    Raises
    ------
    AsimovError
        If the marker file was copied.
    """
    path = project.state / _MARK
    if (before := _made_for(path)) is not None:
        raise AsimovError(
            f"this project was moved or copied; it was in {before}, and its jobs may "
            "belong to that one",
            where=project.root,
            hint=f"if it was moved, remove {path}; if it is a copy, remove {project.state} and run "
            "'asimov init NAME'",
        )


def _made_for(path: Path) -> str | None:
    """Return the folder that a marker file was copied from; None if it is the original."""
    try:
        words = path.read_bytes().splitlines()[-1].split(b" ", 1)
        inode, before = int(words[0]), os.fsdecode(words[1])
        return None if path.stat().st_ino == inode else before
    except (OSError, ValueError, IndexError):  # there is none, or an earlier version wrote it
        return None


def begin_copy(project: Project, journal: Journal) -> str:
    """Record that a copy is being made a project of its own; `record` completes it.

    Returns
    -------
    str
        Its new identity; the same as before if this was interrupted.
    """
    kept = journal.get_property(PROPERTY)
    known = Whereabouts(str(project.root), 0, 0) if kept is None else _decoded(kept)
    if not known.becoming:
        known = known._replace(becoming=new_id(project.name))
        journal.set_property(PROPERTY, msgspec.json.encode(known).decode())
    return known.becoming


def record(project: Project, journal: Journal) -> None:
    """Record where a project is.

    Raises
    ------
    AsimovError
        If its marker file can't be made.
    """
    path = project.state / _MARK
    try:
        found = _mark(project.root)
        if found is not None and (found.st_nlink > 1 or _made_for(path)):
            path.unlink()  # it belongs to another project
        if not path.exists():
            with suppress(FileExistsError):
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
                with os.fdopen(handle, "wb") as stream:
                    inode = os.fstat(stream.fileno()).st_ino
                    stream.write(_TEXT + b"%d %b\n" % (inode, os.fsencode(project.root)))
        status = path.stat()
    except OSError as error:
        raise unwritable(error, path) from error
    here = Whereabouts(
        str(project.root),
        status.st_ino,
        status.st_ctime_ns,
        generation=_generation(project.root),
    )
    journal.set_property(PROPERTY, msgspec.json.encode(here).decode())


def _decoded(kept: str) -> Whereabouts:
    try:
        return msgspec.json.decode(kept, type=Whereabouts)
    except msgspec.MsgspecError:
        return Whereabouts("", 0, 0)


def _mark(root: Path) -> os.stat_result | None:
    try:
        return (root / ".asimov" / _MARK).stat()
    except OSError:
        return None


def _generation(root: Path) -> int:
    """Return the generation of the marker's inode; 0 if the file system does not report it."""
    try:
        with (root / ".asimov" / _MARK).open("rb") as file:
            answer = fcntl.ioctl(file, _GET_GENERATION, bytes(8))
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)


def _is_other(root: Path, project: Project) -> bool:
    """Say whether a folder contains another project of the same identity."""
    theirs, ours = _mark(root), _mark(project.root)
    # Don't compare devices: the same file has another one through another mount.
    if theirs is None or (
        ours is not None and (theirs.st_ino, theirs.st_ctime_ns) == (ours.st_ino, ours.st_ctime_ns)
    ):
        return False
    try:
        return configuration.read(root).get("project", "id", fallback=None) == project.id
    except AsimovError:
        return False
