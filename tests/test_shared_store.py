"""A store that several users share: one goes on where another was killed."""

from __future__ import annotations

import os
import signal
import stat
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asimov.project.storage import placing, unlisted
from asimov.project.storage.store import Store
from tests.conftest import open_folder

ADA, BEN, GROUP = 61001, 61002, 61000
#: What is made in the store: two files, two folders; and then the manifest is written.
_STEPS = 4


def as_user(user: int, what: Callable[[], object]) -> int:
    """Do something as another user, who has no right of root's; return what became of it."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    code = 1
    try:
        os.setgroups([GROUP])
        os.setgid(user)
        os.setuid(user)
        os.umask(0o002)
        what()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def killed_before(step: int, what: Callable[[], object]) -> None:
    """Do something, killed before it makes so many things in the store, or writes its manifest."""
    made = 0
    make = placing._make

    def counted(*arguments: object) -> None:
        nonlocal made
        if made == step:
            os.kill(os.getpid(), signal.SIGKILL)
        made += 1
        make(*arguments)  # type: ignore[arg-type]

    placing._make = counted
    unlisted.put_in_place = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    what()


@pytest.fixture
def shared() -> Iterator[Path]:
    """Yield a folder with a store that a group shares, and a run directory of Ada's."""
    if os.getuid():
        pytest.skip("other users' rights can only be had as root")
    with open_folder() as top:
        deep = top / "run" / "out" / "deep"
        deep.mkdir(parents=True)
        (deep / "x").write_text("x")
        (top / "run" / "y").write_text("y")
        (top / "run" / "y").chmod(0o640)
        store = top / "store"
        store.mkdir()
        for path in (top / "run", *(top / "run").rglob("*"), store):
            os.chown(path, ADA, GROUP)
        store.chmod(0o2775)
        yield top


@pytest.mark.parametrize("step", range(_STEPS + 1))
def test_another_user_completes_what_a_kill_has_cut_short(shared: Path, step: int) -> None:
    rundir, store = shared / "run", Store(shared / "store")

    def add() -> None:
        store.add_products("s", "a", [rundir / "out", rundir / "y"], rundir)

    assert as_user(ADA, lambda: killed_before(step, add)) == signal.SIGKILL
    assert not store.manifest("s", "a")
    assert as_user(BEN, add) == 0
    assert as_user(ADA, add) == 0
    assert store.manifest("s", "a").keys() == {"out", "out/deep", "out/deep/x", "y"}
    for name in store.manifest("s", "a"):
        store.fetch_file("s", "a", name)
    for folder, names, _ in os.walk(store.root):
        mode = Path(folder).stat().st_mode
        assert mode & stat.S_ISGID and mode & stat.S_IWGRP, folder
        assert "superseded-1" not in names
    assert stat.S_IMODE((store.root / "s/a/y").stat().st_mode) == 0o440


def test_a_folder_that_nobody_shares_has_the_mode_of_the_product(tmp_path: Path) -> None:
    out = tmp_path / "run" / "out"
    out.mkdir(parents=True)
    out.chmod(0o750)
    store = Store(tmp_path / "store")
    store.add_products("s", "a", [out], tmp_path / "run")
    assert stat.S_IMODE((store.root / "s/a/out").stat().st_mode) == 0o750
