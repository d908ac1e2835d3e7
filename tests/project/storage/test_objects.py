"""Stored files are read-only, and identical ones are stored once."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from asimov.project.storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture
def product(tmp_path: Path) -> Path:
    path = tmp_path / "psd.dat"
    path.write_text("1 2 3")
    path.chmod(0o644)
    return path


def _objects(store: Store) -> list[Path]:
    return [path for path in store.objects.folder.rglob("*") if path.is_file()]


def test_a_stored_file_is_read_only_and_its_folder_is_not(store: Store, product: Path) -> None:
    stored = store.add_file("s", "a", product, "out/psd.dat")
    assert stat.S_IMODE(stored.stat().st_mode) == 0o444
    assert stored.parent.stat().st_mode & stat.S_IWUSR
    assert stat.S_IMODE(product.stat().st_mode) == 0o644
    store.replace("s", "a")
    assert (store.root / "s/a/superseded-1/out/psd.dat").read_text() == "1 2 3"


def test_identical_files_of_any_analysis_are_stored_once(store: Store, product: Path) -> None:
    one, two = (store.add_file("s", name, product) for name in ("a", "b"))
    again = store.add_file("s", "a", product, "again.dat")
    assert one.samefile(two) and one.samefile(again)
    assert one.stat().st_nlink == 4
    (found,) = _objects(store)
    sha256 = store.manifest("s", "a")["psd.dat"]["sha256"]
    assert found.relative_to(store.objects.folder) == Path(sha256[:2], f"{sha256[2:]}-444")
    assert store.analyses() == [("s", "a"), ("s", "b")]


def test_a_file_of_another_mode_is_an_object_of_its_own(store: Store, product: Path) -> None:
    store.add_file("s", "a", product)
    product.chmod(0o755)
    stored = store.add_file("s", "b", product)
    assert stat.S_IMODE(stored.stat().st_mode) == 0o555
    assert stat.S_IMODE((store.root / "s/a/psd.dat").stat().st_mode) == 0o444
    assert len(_objects(store)) == 2
    # Of the same product with another mode, the stored file stays as it is.
    store.add_file("s", "a", product)
    assert stat.S_IMODE((store.root / "s/a/psd.dat").stat().st_mode) == 0o444


def test_a_damaged_object_is_given_to_nobody(store: Store, product: Path) -> None:
    first = store.add_file("s", "a", product)
    first.chmod(0o644)
    first.write_text("3 2 1")
    first.chmod(0o444)
    second = store.add_file("s", "b", product)
    assert (first.read_text(), second.read_text()) == ("3 2 1", "1 2 3")
    assert second.samefile(store.add_file("s", "c", product))


def test_a_file_system_without_links_has_copies(
    store: Store, product: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    one, two = (store.add_file("s", name, product) for name in ("a", "b"))
    assert one.read_text() == two.read_text() == "1 2 3"
    assert not one.samefile(two) and not _objects(store)
    assert not store.verify("s", "a")


def test_an_object_that_no_result_has_any_more_is_unused(store: Store, product: Path) -> None:
    store.add_file("s", "a", product)
    assert not list(store.objects.unused())
    (store.root / "s/a/psd.dat").unlink()
    assert [size for _, size in store.objects.unused()] == [5]


@pytest.mark.parametrize("step", range(5))
def test_a_kill_at_any_step_loses_nothing(store: Store, product: Path, step: int) -> None:
    """At each rename and link of a file, its own and the one of its manifest."""
    store.add_file("s", "other", product)

    def add() -> None:
        store.add_products("s", "a", [product], product.parent / "run")

    (product.parent / "run").mkdir()
    pid = os.fork()
    if pid == 0:
        _kill_before(step, Path, "replace")
        _kill_before(step - 3, os, "link")
        add()
        os._exit(0)
    code = os.waitpid(pid, 0)[1]
    assert code == (0 if step == 4 else signal.SIGKILL)
    add()
    assert not store.verify("s", "a") and not store.verify("s", "other")
    assert {each.name for each in (store.root / "s/a").iterdir()} == {"manifest.json", "psd.dat"}
    assert len(_objects(store)) == 1


def _kill_before(step: int, owner: Any, name: str) -> None:
    real, left = getattr(owner, name), [step]

    def counted(*args: Any, **kwargs: Any) -> Any:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return real(*args, **kwargs)

    setattr(owner, name, counted)
