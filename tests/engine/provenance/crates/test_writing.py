"""Crates are streamed to disk, checked on the way, and written as a whole."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from asimov.engine.provenance.crates.collection import Source
from asimov.engine.provenance.crates.contents import Packed, check_path
from asimov.engine.provenance.crates.writing import write
from asimov.errors import AsimovError

LARGE = 48 << 20


def source(path: Path, place: str = "project/x") -> Source:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Source(Packed("input", "x", place, sha256, path.stat().st_size), str(path))


def test_a_large_file_does_not_fill_the_memory(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as stream:
        stream.truncate(LARGE)
    large = source(tmp_path / "x")
    for target in (tmp_path / "crate.zip", tmp_path / "crate"):
        tracemalloc.start()
        write(target, [large], {"a": b"a"})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < LARGE / 4
    with zipfile.ZipFile(tmp_path / "crate.zip") as crate:
        assert crate.getinfo("project/x").file_size == LARGE
    assert (tmp_path / "crate" / "project" / "x").stat().st_size == LARGE


@pytest.mark.parametrize("name", ["crate.zip", "crate"])
def test_a_file_that_changes_leaves_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").write_text("before")
    changing = source(tmp_path / "x")
    (tmp_path / "x").write_text("after")
    with pytest.raises(AsimovError, match="changed while it was being packed"):
        write(tmp_path / name, [changing], {})
    (tmp_path / "x").unlink()
    with pytest.raises(AsimovError, match="can't be read"):
        write(tmp_path / name, [changing], {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["crate.zip", "crate"])
def test_what_a_killed_command_left_is_removed_by_the_next(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").write_text("x")
    whole = source(tmp_path / "x")
    child = os.fork()
    if child == 0:
        write(tmp_path / name, [whole, Ending(Packed("input", "y", "project/y", "00", 1), "y")], {})
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert not (tmp_path / name).exists()
    assert len(list(tmp_path.iterdir())) == 2  # what is left is hidden
    write(tmp_path / name, [whole], {"a": b"a"})
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "x"])


class Ending(Source):
    """A file that ends the process when it is opened."""

    def __getattribute__(self, name: str) -> object:
        if name == "path":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getattribute__(name)


def test_a_zip_file_is_written_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)  # as on vfat
    write(tmp_path / "crate.zip", [], {"a": b"a"})
    with zipfile.ZipFile(tmp_path / "crate.zip") as crate:
        assert crate.namelist() == ["a"]
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["crate.zip", "crate"])
def test_names_of_any_language_and_length_are_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").write_text("x")
    place = f"project/two words/\u00fc\u65e5\u672c {'y' * 100}.txt"
    write(tmp_path / name, [source(tmp_path / "x", place)], {})
    if name == "crate":
        assert (tmp_path / name / place).read_text() == "x"
    else:
        with zipfile.ZipFile(tmp_path / name) as crate:
            assert crate.read(place) == b"x"


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../../x", "a//b", ".git/config", "a/.ssh/x", "a\\b", "a\nb",
     "a\x00b", "./x", "x" * 256, "a/" + "\u00fc" * 200],
)  # fmt: skip
def test_paths_that_leave_hide_or_confuse_are_refused(path: str) -> None:
    with pytest.raises(AsimovError, match="isn't allowed as a path in a crate"):
        check_path(path)
