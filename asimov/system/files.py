"""Write files atomically, lock them, and recognise a full disk."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from asimov import text
from asimov.errors import EXIT_BUSY, AsimovError, FatalError, ReportedError
from asimov.system.disk import sync_path

#: A file system with less free space than this counts as full, in bytes.
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
    """Return the error to raise for a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(path, str(error.strerror))
    hint = "the old content is untouched" if os.path.lexists(path) else None
    if isinstance(error, FileNotFoundError) and not os.path.lexists(path.parent):
        hint = f"there is no folder {text.line(str(path.parent))}: make it first"
    return AsimovError(f"{message}: {error.strerror}", where=path, hint=hint)


def full_disk(error: BaseException | None) -> DiskFullError | None:
    """Return the full disk that caused an error, or None."""
    where: Path | None = None
    while error is not None:
        if isinstance(error, DiskFullError):
            return error
        if isinstance(error, ReportedError) and isinstance(error.where, Path):
            where = error.where
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFullError(where or error.filename or "the disk", str(error.strerror))
        if type(error).__module__ == "sqlite3":  # without importing it
            full = "disk is full" in str(error)
            # SQLite reports a full disk like this in some places.
            if full or ("disk I/O error" in str(error) and where and is_full(where.parent)):
                return DiskFullError(where or "a database", str(error))
        error = error.__cause__ or error.__context__
    return None


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder; False for an invalid path."""
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that is too long, a NUL in it
        return False


def is_file(path: Path) -> bool:
    """Return whether a path is a file; False for an invalid path."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def exists(path: Path) -> bool:
    """Return whether a path is a file, folder or anything else; False for an invalid path."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_full(folder: Path) -> bool:
    """Return whether the file system of a folder is full."""
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _ROOM or (room.f_files > 0 and not room.f_favail)


def write_new(path: Path, text: str) -> None:
    """Write a file that a person has named, and which must not exist.

    Raises
    ------
    AsimovError
        If it exists, whatever it is, or can't be written.
    """
    if os.path.lexists(path):
        raise AsimovError("already exists", where=path, hint="remove it, or choose another name")
    write_atomically(path.resolve(), text)


def write_atomically(path: Path, text: str | bytes, *, sync: bool = True) -> None:
    """Replace the content of a file, so that a crash leaves the old content or the new one.

    Parameters
    ----------
    path
        The file; its folder is created if it is missing. An existing file keeps its mode, and its
        group if this user may set it.
    text
        The new content; text is written as UTF-8.
    sync
        Whether to wait until the content is on disk. Otherwise a power cut may leave the file
        empty, and the caller must be able to write it again.

    Raises
    ------
    AsimovError
        If the file can't be written; it is unchanged then.
    DiskFullError
        If the disk is full; the file is unchanged then.
    """
    try:
        data = text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError as error:
        raise AsimovError("can't be written: the text isn't valid UTF-8", where=path) from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = _temporary(path)
        # It stays open, and so locked, until it is renamed or removed: no other process uses it.
        try:
            _write(handle, data)
            if sync:
                os.fsync(handle)
            settle_rights(temporary, path)
            temporary.replace(path)
        except BaseException:
            _remove(temporary, handle)
            raise
        finally:
            os.close(handle)
        if sync:
            sync_path(path.parent)
    except OSError as error:
        raise unwritable(error, path) from error


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:  # the system may write a part at a time
        rest = rest[os.write(handle, rest) :]


def _remove(path: Path, handle: int) -> None:
    """Remove an open file, unless its name belongs to another file by now."""
    with suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(handle), path.lstat()):
            path.unlink()


def settle_rights(temporary: Path, path: Path) -> None:
    """Give a new file the mode and the group of the file that it will replace."""
    mode = 0o666 & ~umask()
    with suppress(FileNotFoundError):
        before = path.stat()
        mode = before.st_mode & 0o777
        # A group that may write to the file keeps that right.
        with suppress(PermissionError):
            os.chown(temporary, -1, before.st_gid)
    temporary.chmod(mode)


def _temporary(path: Path) -> tuple[int, Path]:
    """Open a temporary file beside a file, empty and locked.

    Its name depends only on the file's, so that one left by a killed process is used again.
    """
    usual = path.with_name(f".{path.name}.new")
    with suppress(OSError):  # another process uses it, or it can't be opened or locked
        handle, new = _opened(usual)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The previous holder has renamed it.
            if os.path.samestat(os.fstat(handle), usual.lstat()):
                os.ftruncate(handle, 0)
                return handle, usual
        except OSError as error:
            # On a file system without locks it would never be used again.
            if new and not isinstance(error, BlockingIOError):
                _remove(usual, handle)
        os.close(handle)
    other, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    return other, Path(name)


def _opened(path: Path) -> tuple[int, bool]:
    """Open a file for writing; return as well whether it was created."""
    how = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, how | os.O_CREAT | os.O_EXCL, 0o600), True
    except FileExistsError:
        return os.open(path, how), False


@contextmanager
def new_folder(parent: Path) -> Iterator[Path]:
    """Create a folder for preparing something that is then renamed to its place.

    What a killed process left there is removed first.

    Parameters
    ----------
    parent
        The folder that contains it; created if it is missing.
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
    """Return an open file without a name, in memory."""
    return os.fdopen(os.memfd_create("asimov"), "w+b", buffering=0)


@contextmanager
def captured_output(*numbers: int) -> Iterator[Callable[[], str]]:
    """Within the block, catch output, native code's too; yield a function that returns it.

    Parameters
    ----------
    numbers
        What to catch: 1, standard output, or 2, standard error; by default both.
    """
    numbers = numbers or (1, 2)
    with memory_file() as stream:

        def text() -> str:
            sys.stdout.flush()
            stream.seek(0)
            return stream.read().decode(errors="replace")

        sys.stdout.flush()
        sys.stderr.flush()
        saved = [os.dup(number) for number in numbers]
        try:
            for number in numbers:
                os.dup2(stream.fileno(), number)
            yield text
        finally:
            sys.stdout.flush()
            for number, handle in zip(numbers, saved, strict=True):
                os.dup2(handle, number)
                os.close(handle)


def umask() -> int:
    """Return the rights that new files of this process lack."""
    # The mask can only be read by setting it; asimov's commands have one thread.
    mask = os.umask(0)
    os.umask(mask)
    return mask


#: How often a process that waits for so long looks again, in seconds.
_POLL = 0.05


@contextmanager
def locked(path: Path, purpose: str, *, wait: bool | float = True) -> Iterator[None]:
    """Hold an exclusive lock on a file; the system frees it when the process ends.

    Parameters
    ----------
    path
        The lock file; its content names the holder, for people.
    purpose
        What the holder does, in a few words.
    wait
        Whether to wait for another holder instead of raising an error, or for how many seconds.

    Raises
    ------
    AsimovError
        With the exit code `EXIT_BUSY`, if another process holds it and was not waited for, or in
        vain.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise AsimovError(f"can't be locked: {error.strerror}", where=path) from error
    try:
        try:
            _lock(handle, wait)
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip()
            busy = AsimovError(
                f"another asimov process is using this project ({holder or 'unknown'})",
                hint="wait for it to end, or stop it; 'asimov stop' stops the background monitor",
            )
            busy.exit_code = EXIT_BUSY
            raise busy from None
        os.ftruncate(handle, 0)
        # For people only: the lock works on a full disk, too.
        with suppress(OSError):
            holder = f"{purpose}, process {os.getpid()} on {os.uname().nodename}"
            os.pwrite(handle, holder.encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _lock(handle: int, wait: bool | float) -> None:
    if wait is True:
        fcntl.flock(handle, fcntl.LOCK_EX)
        return
    end = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
            time.sleep(_POLL)
