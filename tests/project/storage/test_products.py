"""Products of every kind: what goes into the store, and what is refused before anything does."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asimov.errors import AsimovError
from asimov.project.storage import copying
from asimov.project.storage.products import NotStorableError, survey
from asimov.project.storage.store import Store
from tests.searching import first, sizes


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture
def rundir(tmp_path: Path) -> Path:
    made = tmp_path / "working" / "a"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def stored(store: Store, rundir: Path) -> Callable[..., Path]:
    """Store products of the run directory, named by their relative paths; return where they are."""

    def add(*products: str | Path) -> Path:
        missing = store.add_products("s", "a", [str(rundir / each) for each in products], rundir)
        assert not missing
        return store.root / "s" / "a"

    return add


def test_a_folder_is_stored_with_all_that_is_in_it(store: Store, rundir: Path, stored: Any) -> None:
    (rundir / "d/deep/er").mkdir(parents=True)
    (rundir / "d/empty").mkdir()
    (rundir / "d/deep/er/x.dat").write_text("1 2 3")
    (rundir / "d/deep/run.sh").write_text("true")
    (rundir / "d/deep/run.sh").chmod(0o750)
    (rundir / "d/deep").chmod(0o500)  # can't be written to, and yet all of it is stored
    folder = stored("d")
    assert (folder / "d/deep/er/x.dat").read_text() == "1 2 3"
    assert (folder / "d/deep/run.sh").stat().st_mode & 0o777 == 0o550
    assert list((folder / "d/empty").iterdir()) == []
    manifest = store.manifest("s", "a")
    assert list(manifest) == [
        "d", "d/deep", "d/deep/er", "d/deep/er/x.dat", "d/deep/run.sh", "d/empty",
    ]  # fmt: skip
    assert manifest["d/deep/er/x.dat"]["size"] == 5
    assert manifest["d/deep"]["mode"] == "500"
    assert manifest["d/empty"]["directory"]
    for name in manifest:
        assert store.fetch_file("s", "a", name) == folder / name
    store.replace("s", "a")
    assert (folder / "superseded-1/d/deep/er/x.dat").read_text() == "1 2 3"


def test_an_empty_folder_is_a_product(store: Store, rundir: Path, stored: Any) -> None:
    (rundir / "d").mkdir()
    assert (stored("d") / "d").is_dir()
    assert list(store.manifest("s", "a")) == ["d"]


@pytest.mark.parametrize("absolute", [True, False])
def test_a_link_to_what_is_stored_stays_one(rundir: Path, stored: Any, absolute: bool) -> None:
    (rundir / "d/e").mkdir(parents=True)
    (rundir / "d/x").write_text("1")
    (rundir / "other").write_text("2")
    for name, target in {
        "d/e/file": "../x", "d/folder": "e", "d/loop": ".", "d/e/chain": "file", "d/o": "../other",
    }.items():  # fmt: skip
        path = rundir / name
        path.symlink_to(path.parent / target if absolute else target)
    folder = stored("d", "other")
    texts = {
        "d/e/file": "../x", "d/folder": "e", "d/loop": ".", "d/e/chain": "file", "d/o": "../other",
    }  # fmt: skip
    assert {name: str((folder / name).readlink()) for name in texts} == texts
    assert (folder / "d/e/chain").read_text() == "1"


def test_a_link_to_what_is_not_stored_is_stored_as_that(rundir: Path, stored: Any) -> None:
    (rundir / "d").mkdir()
    (rundir / "e/f").mkdir(parents=True)
    (rundir / "e/x").write_text("1")
    (rundir / "e/back").symlink_to("../d")
    (rundir / "e/again").symlink_to(".")
    (rundir / "d/e").symlink_to("../e")
    (rundir / "d/x").symlink_to("../e/x")
    folder = stored("d")
    assert (folder / "d/e/x").read_text() == (folder / "d/x").read_text() == "1"
    assert not (folder / "d/e").is_symlink()
    assert (folder / "d/e/back").resolve() == (folder / "d").resolve()
    assert (folder / "d/e/again").resolve() == (folder / "d/e").resolve()
    assert not (folder / "e").exists()


def _socket(path: Path) -> None:
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "fifo": (os.mkfifo, "is a named pipe"),
    "socket": (_socket, "is a socket"),
    "passwd": (lambda p: p.symlink_to("/etc/passwd"), "leaves the run directory"),
    "outside": (lambda p: p.symlink_to("../.."), "leaves the run directory"),
    "zero": (lambda p: p.symlink_to("/dev/zero"), "leaves the run directory"),
    "dangling": (lambda p: p.symlink_to("nowhere"), "which does not exist"),
    "itself": (lambda p: p.symlink_to(p.name), "can't be followed"),
    "in a file": (lambda p: p.symlink_to("x/y"), "can't be followed"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("inside", [True, False])
def test_what_can_not_be_stored_is_named_and_nothing_is_stored(
    store: Store,
    rundir: Path,
    stored: Any,
    case: str,
    inside: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(rundir)
    make, words = REFUSED[case]
    (rundir / "d").mkdir()
    (rundir / "x").write_text("first in the list")
    (rundir / "d/x").write_text("1")
    bad = rundir / ("d/bad" if inside else "bad")
    make(bad)
    with pytest.raises(NotStorableError, match=rf"{bad}: .*{words}"):
        stored("x", "d" if inside else "bad")
    assert not store.root.exists()


def test_a_link_to_a_folder_around_it_is_refused(rundir: Path, stored: Any) -> None:
    (rundir / "d/e").mkdir(parents=True)
    (rundir / "d/e/up").symlink_to("../..")
    with pytest.raises(NotStorableError, match=r"d/e/up: is a link to \.\./\.\., a folder that"):
        stored("d")
    assert (stored(".") / "d/e/up").resolve() == stored(".").resolve()


def test_a_product_behind_a_link_that_leaves_is_refused(
    rundir: Path, stored: Any, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x").write_text("1")
    (rundir / "d").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotStorableError, match="d/x: is behind a link that leaves"):
        stored("d/x")


@pytest.mark.parametrize("name", ["manifest.json", "superseded-3", ".manifest.json.partial"])
def test_a_name_that_the_store_needs_is_refused_at_the_top_only(
    rundir: Path, stored: Any, name: str
) -> None:
    (rundir / "d").mkdir()
    (rundir / "d" / name).write_text("{}")
    assert (stored("d") / "d" / name).read_text() == "{}"
    (rundir / name).write_text("{}")
    with pytest.raises(NotStorableError, match="the store reserves the name"):
        stored(name)


def test_the_store_is_not_stored_in_itself(store: Store, rundir: Path, tmp_path: Path) -> None:
    store.root.mkdir()
    with pytest.raises(NotStorableError, match="contains the results store"):
        store.add_products("s", "a", [tmp_path], rundir)


def test_products_outside_the_run_directory_are_kept_apart(
    store: Store, rundir: Path, stored: Any, tmp_path: Path
) -> None:
    for each in ("one/x", "two/x", "two/y"):
        path = tmp_path / "web" / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(each)
    (rundir / "d").mkdir()
    (rundir / "d/x").write_text("d/x")
    (tmp_path / "web/d").write_text("web/d")
    web = tmp_path / "web"
    folder = stored("d/x", web / "one/x", web / "two/x", web / "two/y", web / "two/x", web / "d")
    for name in ("one/x", "two/x", "d/x", "web/d"):
        assert (folder / name).read_text() == name
    assert (folder / "y").read_text() == "two/y"
    assert len(store.manifest("s", "a")) == 5


def test_a_product_inside_another_is_stored_once(store: Store, rundir: Path, stored: Any) -> None:
    (rundir / "d").mkdir()
    (rundir / "d/x").write_text("1")
    stored("d/x", "d", "d/", "./d/x")
    assert list(store.manifest("s", "a")) == ["d", "d/x"]


def test_a_project_behind_links_is_stored_alike(store: Store, rundir: Path, tmp_path: Path) -> None:
    (rundir / "x").write_text("1")
    (rundir / "l").symlink_to(tmp_path / "by link/a/x")
    (tmp_path / "by link").symlink_to("working")
    path = tmp_path / "by link" / "a"
    assert survey([rundir / "x", path / "l"], path, store.root).items["l"].link == "x"


@pytest.mark.parametrize("depth", first(1, [100, 300]))
def test_odd_names_and_deep_trees(store: Store, rundir: Path, stored: Any, depth: int) -> None:
    names = ["new\nline", os.fsdecode(b"\xff"), "größe", "-x", " ", "a:b", "\\", '"']
    (rundir / "d").mkdir()
    for name in names:
        (rundir / "d" / name).write_text(name.encode("unicode_escape").decode())
    deep = rundir / "d" / "/".join("x" * depth)
    deep.mkdir(parents=True)
    (deep / "y").touch()
    folder = stored("d")
    for name in names:
        assert store.fetch_file("s", "a", f"d/{name}").read_bytes()
    assert (folder / deep.relative_to(rundir) / "y").exists()
    (rundir / "d" / os.fsdecode(b"fifo\xff\n")).with_name(os.fsdecode(b"f\xff\n")).symlink_to("/")
    with pytest.raises(NotStorableError, match=r"d/f\\udcff\\n: is a link to /, which leaves"):
        stored("d")


def test_holes_take_no_room(rundir: Path, stored: Any) -> None:
    path = rundir / "sparse"
    with path.open("wb") as stream:
        stream.write(b"begin")
        stream.seek(1 << 27)
        stream.write(b"end")
        stream.truncate((1 << 27) + (1 << 22))
    copied = stored("sparse") / "sparse"
    assert copied.stat().st_size == path.stat().st_size
    assert copied.stat().st_blocks * 512 < 1 << 24
    assert copying.checksum(copied) == copying.checksum(path)


@pytest.mark.parametrize("how", ["other", "grown", "put back", "fifo", "link"])
def test_what_is_put_in_the_place_of_a_file_is_not_stored(rundir: Path, how: str) -> None:
    path = rundir / "x"
    path.write_text("1 2 3")
    seen = path.lstat()
    if how == "grown":
        with path.open("a") as stream:
            stream.write("4")
    elif how == "put back":
        path.write_text("3 2 1")
        os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    else:
        path.unlink()
        made: dict[str, Callable[[Path], Any]] = {
            "other": lambda p: p.write_text("4 5 6"),
            "fifo": os.mkfifo,
            "link": lambda p: p.symlink_to("/etc/passwd"),
        }
        made[how](path)
    with pytest.raises(AsimovError, match=r"x: (changed while|can't be read)"):
        copying.copy(path, rundir / "copy", seen)


def test_what_does_not_exist_is_told(store: Store, rundir: Path) -> None:
    (rundir / "x").touch()
    assert store.add_products("s", "a", [rundir / "x", rundir / "y"], rundir) == [f"{rundir}/y"]
    with pytest.raises(NotStorableError, match="y: does not exist, so nothing"):
        store.add_products("s", "b", [rundir / "y"], rundir)
    assert store.add_products("s", "b", ["IMRPhenomXPHM"], rundir) == ["IMRPhenomXPHM"]
    assert store.add_products("s", "b", [], rundir) == []


def test_everything_is_synced_before_the_manifest_names_it(
    rundir: Path, stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (rundir / "d/e").mkdir(parents=True)
    for name in ("d/x", "d/e/y", "z"):
        (rundir / name).write_text(name)
    synced: list[int] = []
    sync = os.fsync

    def noted(handle: int) -> None:
        sync(handle)
        synced.append(os.fstat(handle).st_ino)

    monkeypatch.setattr(os, "fsync", noted)
    folder = stored("d", "z")
    named = synced.index((folder / "manifest.json").stat().st_ino)
    before = set(synced[:named])
    for path in (folder, folder.parent, folder.parent.parent, *folder.rglob("*")):
        assert path.name == "manifest.json" or path.stat().st_ino in before, path
    assert synced[named + 1 :] == [folder.stat().st_ino]
    again = len(synced)
    stored("d", "z")
    assert (folder / "manifest.json").stat().st_ino not in synced[again:]


def test_what_lies_in_the_way_is_moved_aside(rundir: Path, stored: Any, tmp_path: Path) -> None:
    (rundir / "d").mkdir()
    (rundir / "d/x").write_text("1")
    (rundir / "e").write_text("2")
    folder = tmp_path / "results/s/a"
    (folder / "superseded-1").mkdir(parents=True)
    (folder / "superseded-1/manifest.json").write_text("{}")
    (folder / "d").symlink_to("/")
    (folder / "e").write_text("mine")
    stored("d", "e")
    assert (folder / "d/x").read_text() == "1"
    assert (folder / "e").read_text() == "2"
    assert (folder / "superseded-2/e").read_text() == "mine"
    assert (folder / "superseded-2/d").is_symlink()


def test_a_stored_copy_that_was_damaged_is_stored_again(
    store: Store, rundir: Path, stored: Any
) -> None:
    (rundir / "x").write_text("1")
    path = stored("x") / "x"
    path.chmod(0o600)
    path.write_text("damaged")
    stored("x")
    assert store.fetch_file("s", "a", "x").read_text() == "1"
    assert (path.parent / "superseded-1/x").read_text() == "damaged"


def test_manifests_of_older_releases_are_read(store: Store, rundir: Path, stored: Any) -> None:
    (rundir / "x").write_text("1")
    folder = stored("x")
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["x"]["mode"]
    manifest["x"]["stored"] = "2020-01-01T00:00:00Z"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert store.fetch_file("s", "a", "x").read_text() == "1"
    stored("x")
    assert store.manifest("s", "a")["x"]["stored"] == "2020-01-01T00:00:00Z"


def test_superseded_folders_are_counted_on_from_the_last(
    store: Store, rundir: Path, stored: Any
) -> None:
    for number in (1, 2, 3):
        (rundir / "x").write_text(str(number))
        folder = stored("x")
        store.replace("s", "a")
        if number == 2:
            (folder / "superseded-1/x").unlink()
            (folder / "superseded-1/manifest.json").unlink()
            (folder / "superseded-1").rmdir()
    assert {path.name for path in folder.iterdir()} == {"superseded-2", "superseded-3"}


STORING = """
import sys
from asimov.project.storage.store import Store
store, rundir = Store(sys.argv[1]), sys.argv[2]
print(flush=True)
if sys.argv[3] == "replace":
    store.replace("s", "a")
else:
    store.add_products("s", "a", [f"{rundir}/d", f"{rundir}/x"], rundir)
"""


@pytest.mark.parametrize("size", sizes())
def test_what_is_killed_while_it_stores_is_made_up_for(
    store: Store, rundir: Path, size: float
) -> None:
    """Real SIGKILL at random moments; whatever the manifest names is there and whole."""
    seed = os.environ.get("ASIMOV_SEED") or str(random.randrange(10**6))
    print(f"ASIMOV_SEED={seed}")
    draw = random.Random(seed)
    for number in range(300):
        path = rundir / "d" / str(number % 7) / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw.randbytes(draw.choice([0, 10, 3000])))
        if number % 20 == 0:
            path.with_suffix(".link").symlink_to(path)
    (rundir / "x").write_bytes(draw.randbytes(1 << 22))
    there = {str(p.relative_to(rundir)) for p in rundir.rglob("*")}
    _, took = _run(store, rundir, "store", None)  # how long it takes uncut
    begun = time.monotonic()
    kills = tries = 0
    while tries < 40 * size and (not kills or time.monotonic() < begun + 6 * size):
        tries += 1
        _run(store, rundir, "replace", draw.uniform(0, took / 20))
        copies_of_x = [p for p in store.root.rglob("*") if p.name == "x" and p.is_file()]
        assert any(copying.checksum(p) == copying.checksum(rundir / "x") for p in copies_of_x)
        for _ in range(2):
            done, _ = _run(store, rundir, "store", draw.uniform(0, took))
            kills += not done
            for name in store.manifest("s", "a"):
                store.fetch_file("s", "a", name)
    assert kills
    assert _run(store, rundir, "store", None)[0]
    assert set(store.manifest("s", "a")) == there
    for name in there:
        store.fetch_file("s", "a", name)
    left = {path.name for path in (store.root / "s/a").iterdir() if "superseded" not in path.name}
    assert left == {"manifest.json", "d", "x"}


def _run(store: Store, rundir: Path, what: str, killed_after: float | None) -> tuple[bool, float]:
    """Store in a process of its own; return whether it came to its end, and how long it took."""
    command = [sys.executable, "-c", STORING, str(store.root), str(rundir), what]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        begun = time.monotonic()
        if killed_after is not None:
            time.sleep(killed_after)
            process.kill()
    return process.returncode == 0, time.monotonic() - begun
