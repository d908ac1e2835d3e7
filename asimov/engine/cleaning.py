"""Cleaning up before a new run: whatever a pipeline removes is kept.

`Pipeline.clean` moves the run directory aside. A package's own ``clean`` may remove what it likes,
and may count on its files being there. So they all get a second name, beside the run directory,
before it is called; files that it has left lose that name again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from asimov.analysis import Analysis
from asimov.engine.guard import call, overrides
from asimov.files import unwritable
from asimov.superseded import next_place


def clean(analysis: Analysis) -> Path | None:
    """Have an analysis's pipeline clean up; what was in the run directory is kept beside it.

    Returns
    -------
    Path
        Where it is kept; None where nothing was removed.

    Raises
    ------
    AsimovError
        Where the files can't be kept: the pipeline is not called then. Else as `call` does.
    """
    rundir = Path(analysis.rundir)
    place = next_place(rundir)
    own = overrides(analysis.entry.pipeline, "clean")
    if own and rundir.is_dir() and analysis.workspace.project.is_working(rundir):
        with _kept(rundir.resolve()):
            call(analysis, "clean", dryrun=False)
    else:
        call(analysis, "clean", dryrun=False)
    return place if place.exists() else None


@contextmanager
def _kept(folder: Path) -> Iterator[None]:
    """Keep what is removed from a folder in the block."""
    place = next_place(folder)
    try:
        kept = list(_doubled(folder, place))
    except OSError as error:
        raise unwritable(error, place, "the run directory can't be kept") from error
    try:
        yield
    finally:
        for path, double, names in kept:
            if _is_left(path, double, names):
                double.unlink()
        for each, _, _ in os.walk(place, topdown=False):
            with suppress(OSError):  # it holds something
                Path(each).rmdir()


def _doubled(folder: Path, place: Path) -> Iterator[tuple[Path, Path, int]]:
    """Give every file of a folder a second name; yield both, and how many names it has then.

    Where the file system has no second names the file is copied, and the number is 0.
    """
    for each, folders, files in os.walk(folder, onerror=_raise):
        inside = place / Path(each).relative_to(folder)
        inside.mkdir()
        links = [name for name in folders if Path(each, name).is_symlink()]
        for path in map(Path(each).joinpath, [*files, *links]):
            double = inside / path.name
            before = path.lstat().st_nlink
            try:
                os.link(path, double, follow_symlinks=False)
            except OSError:
                if path.is_symlink() or path.is_file():
                    shutil.copy2(path, double, follow_symlinks=False)
                    yield path, double, 0
                continue  # what is neither has no content to lose
            names = double.lstat().st_nlink
            yield path, double, names if names > before else 0


def _raise(error: OSError) -> None:
    raise error


def _is_left(path: Path, double: Path, names: int) -> bool:
    """Say whether a file is still there: where it was, or under another name."""
    copy = double.lstat()
    if names and copy.st_nlink >= names:
        return True
    try:
        now = path.lstat()
    except OSError:
        return False
    same_file = (now.st_dev, now.st_ino) == (copy.st_dev, copy.st_ino)
    return same_file or (now.st_size, now.st_mtime_ns) == (copy.st_size, copy.st_mtime_ns)
