"""Keep the contents of run directories safe, before a new build and while a pipeline cleans up.

A submission may fail after `build_dag`, because the scheduler is unreachable, say. Some programs,
bilby_pipe among them, do not write into an existing folder: they would build beside it, and the
earlier build, perhaps of other settings, would be submitted. So a run directory that was built and
never used by a job is moved aside first (`put_aside`).

`Pipeline.clean` moves the run directory aside. A package's own ``clean`` may remove anything, and
may expect its files to be in place. So before it is called, each file gets a second name beside the
run directory (`clean`); files that it leaves in place lose that name afterwards.

A second name shares the content, which a truncation or a rewrite in place would lose. So small
files are copied as well, and all files where a copy can share its blocks.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from asimov.plugins.methods import call_method, overrides
from asimov.project.analysis import Analysis
from asimov.project.layout import CLEANED_FILE
from asimov.project.storage.superseded import next_place
from asimov.project.workspace import workspace_of
from asimov.system.files import unwritable

#: The most bytes of a run directory that are copied, the smallest files first.
COPIED = 20_000_000
#: Linux's request for a file that shares the blocks of another (btrfs, XFS).
_FICLONE = 0x40049409
#: The folder of the copies, next to the kept files; removed once `clean` has returned.
_COPIES = ".asimov-copies"


def clean(analysis: Analysis) -> Path | None:
    """Let an analysis's pipeline clean up, and keep the contents of the run directory beside it.

    Returns
    -------
    Path
        Where the contents are kept; None if nothing was removed.

    Raises
    ------
    AsimovError
        If the files can't be kept; the pipeline is not called then. Otherwise as `call` does.
    """
    rundir = Path(analysis.rundir)
    place = next_place(rundir)
    own = overrides(analysis.entry.pipeline, "clean")
    if own and rundir.is_dir() and analysis.workspace.project.is_working(rundir):
        with _kept(rundir.resolve()):
            call_method(analysis, "clean", dryrun=False)
    else:
        call_method(analysis, "clean", dryrun=False)
    return place if place.exists() else None


@contextmanager
def _kept(folder: Path) -> Iterator[None]:
    """Keep every file that is removed from a folder within the block.

    If the process is killed in the block, the whole folder stays kept.
    """
    place = next_place(folder)
    try:
        kept = list(_doubled(folder, place))
        _copy(kept, place / _COPIES)
    except OSError as error:
        raise unwritable(error, place, "the run directory can't be kept") from error
    try:
        yield
    finally:
        for file in kept:
            file.settle()
        for each, _, _ in os.walk(place, topdown=False):
            with suppress(OSError):  # it holds something
                Path(each).rmdir()


class _File(msgspec.Struct):
    """A file or link of the run directory, and how it is kept.

    Attributes
    ----------
    path
        Where it was.
    double
        Its second name.
    before
        Its status, by the second name, before the block.
    linked
        Whether the second name is a hard link; otherwise it is a copy.
    copy
        A copy of content that may change in place.
    """

    path: Path
    double: Path
    before: os.stat_result
    linked: bool
    copy: Path | None = None

    def settle(self) -> None:
        """Keep the file as it was before the block, unless it is still there unchanged."""
        now = self.double.lstat()
        if self.linked and _state(now) != _state(self.before):
            if self.copy is not None:
                self.copy.replace(self.double)
            elif self._is_left(now):
                self.double.unlink()
            return
        if self.copy is not None:
            self.copy.unlink()
        if self._is_left(now):
            self.double.unlink()

    def _is_left(self, now: os.stat_result) -> bool:
        """Return whether it still exists, in its place or under another name."""
        if self.linked:
            return now.st_nlink >= self.before.st_nlink or _is_file(self.path, now)
        try:
            return _state(self.path.lstat()) == _state(now)
        except OSError:
            return False


def _is_file(path: Path, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.lstat(), status)
    except OSError:
        return False


def _state(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _doubled(folder: Path, place: Path) -> Iterator[_File]:
    """Give every file of a folder a second name, or copy it where hard links are unsupported."""
    for each, folders, files in os.walk(folder, onerror=_raise):
        inside = place / Path(each).relative_to(folder)
        inside.mkdir()
        links = [name for name in folders if Path(each, name).is_symlink()]
        for path in map(Path(each).joinpath, [*files, *links]):
            double = inside / path.name
            names = path.lstat().st_nlink
            try:
                os.link(path, double, follow_symlinks=False)
            except OSError:
                if path.is_symlink() or path.is_file():
                    shutil.copy2(path, double, follow_symlinks=False)
                    yield _File(path, double, double.lstat(), linked=False)
                continue  # neither has content to lose
            status = double.lstat()
            yield _File(path, double, status, linked=status.st_nlink > names)


def _copy(kept: list[_File], folder: Path) -> None:
    """Copy files that have only a second name, as far as this is cheap."""
    # Only regular files have content that can change in place; copying a FIFO would block.
    linked = [file for file in kept if file.linked and stat.S_ISREG(file.before.st_mode)]
    left = COPIED
    if linked:
        folder.mkdir()
    for number, file in enumerate(sorted(linked, key=lambda file: file.before.st_size)):
        copy = folder / str(number)
        if file.before.st_size <= left:
            shutil.copy2(file.double, copy)
            left -= file.before.st_size
        elif not _share(file.double, copy):
            return
        file.copy = copy


def _share(source: Path, copy: Path) -> bool:
    """Copy a file by sharing its blocks; return whether the file system could."""
    with source.open("rb") as stream, copy.open("xb") as target:
        try:
            fcntl.ioctl(target.fileno(), _FICLONE, stream.fileno())
        except OSError:
            copy.unlink()
            return False
    shutil.copystat(source, copy)
    return True


def _raise(error: OSError) -> None:
    raise error


# --- a run directory that no job has used


def put_aside(analysis: Analysis) -> None:
    """Move the run directory aside if earlier attempts built in it and none made a job.

    It becomes ``<name>.unsubmitted`` beside it. A folder of that name is removed if each of its
    files was built again, and otherwise kept as ``<name>.superseded-<n>``, because not all of it
    was built. Products that a pipeline completed without a job are kept the same way. What a job
    has written stays in place, and so does a folder that existed before the first attempt.

    Parameters
    ----------
    analysis
        An analysis that is about to be built; its present attempt is recorded as an intent.

    Raises
    ------
    AsimovError
        If it can't be moved.
    """
    rundir = Path(analysis.rundir)
    (rundir / CLEANED_FILE).unlink(missing_ok=True)
    if not rundir.is_dir() or not _only_built(analysis):
        return
    aside = rundir.with_name(f"{rundir.name}.unsubmitted")
    try:
        if _has_been_complete(analysis):
            rundir.rename(next_place(rundir))
            return
        if aside.is_dir():
            if _files(aside) <= _files(rundir):
                shutil.rmtree(aside)
            else:
                aside.rename(next_place(rundir))
        rundir.rename(aside)
    except OSError as error:
        raise unwritable(error, rundir, "can't be moved aside") from error


def _has_been_complete(analysis: Analysis) -> bool:
    events = workspace_of(analysis).journal.events(*analysis.key)
    return any(each.after == "finished" for each in events)


def _files(folder: Path) -> set[Path]:
    return {
        Path(each, name).relative_to(folder)
        for each, folders, files in os.walk(folder)
        for name in [*files, *folders]
    }


def _only_built(analysis: Analysis) -> bool:
    """Return whether no attempt since the run directory was last cleaned has made a job."""
    journal = workspace_of(analysis).journal
    earlier = [each for each in journal.attempts(analysis.key) if each.state != "intended"]
    if not earlier or any(each.job_id is not None for each in earlier[-1:]):
        return False
    cleaned = max(
        (
            each.time
            for each in journal.events(*analysis.key)
            if each.before == "restart" and each.actor == "monitor"
        ),
        default=0,
    )
    since = [each for each in earlier if each.intended >= cleaned]
    return bool(since) and all(each.state == "void" for each in since)
