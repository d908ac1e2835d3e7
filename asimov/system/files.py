"""Writing files so that a crash leaves the old one or the new one, and nothing in between."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from asimov.errors import EXIT_BUSY, AsimovError, FatalError, ReportedError

#: With less than this left a file system is taken to be full, in bytes.
_ROOM = 1 << 16


class DiskFullError(FatalError):
    """A file can't be written because the disk is full.

    No analysis is at fault, and nothing that happens from here on could be recorded.

    Parameters
    ----------
    where
        The file.
    reason
        In the system's words.
    """

    def __init__(self, where: Path | str, reason: str) -> None:
        super().__init__(
            f"can't be written: {reason}",
            where=where,
            hint="make room and run the command again; the old content is untouched",
        )


def unwritable(
    error: OSError, path: Path, message: str = "can't be written"
) -> AsimovError | DiskFullError:
    """Return the error for people that says why a file could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(path, str(error.strerror))
    hint = "the old content is untouched"
    return AsimovError(f"{message}: {error.strerror}", where=path, hint=hint)


def full_disk(error: BaseException | None) -> DiskFullError | None:
    """Return the full disk that led to an error, if one did; whoever raised it."""
    where: Path | None = None
    while error is not None:
        if isinstance(error, DiskFullError):
            return error
        if isinstance(error, ReportedError) and isinstance(error.where, Path):
            where = error.where
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFullError(where or error.filename or "the disk", str(error.strerror))
        if type(error).__module__ == "sqlite3":  # which is not imported for this
            full = "disk is full" in str(error)
            # As it calls a full disk in some places.
            if full or ("disk I/O error" in str(error) and where and is_full(where.parent)):
                return DiskFullError(where or "a database", str(error))
        error = error.__cause__ or error.__context__
    return None


def is_folder(path: Path) -> bool:
    """Say whether a path leads to a folder; one that can't be a path leads nowhere."""
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that is too long, a NUL in it
        return False


def is_file(path: Path) -> bool:
    """Say whether a path leads to a file; as `is_folder`."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_full(folder: Path) -> bool:
    """Say whether there is no room left on the file system that holds a folder."""
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _ROOM or (room.f_files > 0 and not room.f_favail)


def write_atomically(path: Path, text: str | bytes, *, sync: bool = True) -> None:
    """Replace a file's content: write beside it, sync, rename.

    Parameters
    ----------
    path
        The file; its folder is made where it is missing. One that is there keeps its mode, and
        its group where this user may give that.
    text
        The new content; text is written as UTF-8.
    sync
        Whether the content is on disk when this returns. Without it a power cut may leave the
        file empty, so that the caller must be able to write it again.

    Raises
    ------
    AsimovError
        Where the file can't be written; it is then as it was. `DiskFullError` for want of room.
    """
    try:
        data = text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError as error:
        raise AsimovError(
            "can't be written: the text has bytes in it that are no UTF-8", where=path
        ) from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = _temporary(path)
        # Open, and so locked, until it is renamed or removed: nobody else takes up the name.
        try:
            _write(handle, data)
            if sync:
                os.fsync(handle)
            _settle_rights(temporary, path)
            temporary.replace(path)
        except BaseException:
            _remove(temporary, handle)
            raise
        finally:
            os.close(handle)
        if sync:
            sync_folder(path.parent)
    except OSError as error:
        raise unwritable(error, path) from error


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:  # the system may take a part at a time
        rest = rest[os.write(handle, rest) :]


def _remove(path: Path, handle: int) -> None:
    """Remove a file that is open, unless its name leads to another one by now."""
    with suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(handle), path.lstat()):
            path.unlink()


def _settle_rights(temporary: Path, path: Path) -> None:
    """Give a file that is to replace another one its mode and group."""
    mode = 0o666 & ~_umask()
    with suppress(FileNotFoundError):
        before = path.stat()
        mode = before.st_mode & 0o777
        # The group that may write to it keeps that right, whoever writes.
        with suppress(PermissionError):
            os.chown(temporary, -1, before.st_gid)
    temporary.chmod(mode)


def _temporary(path: Path) -> tuple[int, Path]:
    """Open a temporary file beside a file, empty and locked.

    It has one name for each file, so that what a process has left which was killed is used again.
    """
    usual = path.with_name(f".{path.name}.new")
    with suppress(OSError):  # one that lives has it, or it can't be opened or locked
        handle, new = _opened(usual)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it until now has renamed it.
            if os.path.samestat(os.fstat(handle), usual.lstat()):
                os.ftruncate(handle, 0)
                return handle, usual
        except OSError as error:
            # On a file system without locks nobody would ever use it again.
            if new and not isinstance(error, BlockingIOError):
                _remove(usual, handle)
        os.close(handle)
    other, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    return other, Path(name)


def _opened(path: Path) -> tuple[int, bool]:
    """Open a file for writing; say as well whether it was made for this."""
    how = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, how | os.O_CREAT | os.O_EXCL, 0o600), True
    except FileExistsError:
        return os.open(path, how), False


@contextmanager
def new_folder(parent: Path) -> Iterator[Path]:
    """Give a folder in which something can be made before it is renamed to its place.

    What a process has left there which was killed is removed first.

    Parameters
    ----------
    parent
        The folder that holds it; made where it is missing.
    """
    parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    folder = parent / ".asimov-new"
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def memory_file() -> BinaryIO:
    """Return an open file that has no name and, where the system can do that, lies in memory."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("asimov"), "w+b", buffering=0)
    return tempfile.TemporaryFile(prefix="asimov-", buffering=0)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    # The mask can only be read by setting it; asimov's own commands have one thread.
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def locked(path: Path, purpose: str, *, wait: bool = True) -> Iterator[None]:
    """Hold an exclusive lock on a file; the system frees it when the process ends.

    Parameters
    ----------
    path
        The lock file; it holds the process that has the lock, for people to read.
    purpose
        What the holder does, in a few words.
    wait
        Whether to wait for another holder, or to raise.

    Raises
    ------
    AsimovError
        With the exit code `EXIT_BUSY` where somebody else holds it and `wait` is False.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise AsimovError(f"can't be locked: {error.strerror}", where=path) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip()
            busy = AsimovError(
                f"another asimov is at work in this project ({holder or 'unknown'})",
                hint="wait for it to end, or stop it with 'asimov stop'",
            )
            busy.exit_code = EXIT_BUSY
            raise busy from None
        os.ftruncate(handle, 0)
        # For people only: the lock is held where the disk is full as well.
        with suppress(OSError):
            holder = f"{purpose}, process {os.getpid()} on {os.uname().nodename}"
            os.pwrite(handle, holder.encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)
