"""Results of several analyses that wait for the disk together."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from asimov.project.storage.store import Store
from asimov.system import disk


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "run" / "d").mkdir(parents=True)
    (tmp_path / "run" / "d" / "x").write_text("1")
    return Store(tmp_path / "results")


def put(store: Store, *names: str, subject: str = "s") -> None:
    rundir = store.root.parent / "run"
    for name in names:
        store.add_products(subject, name, [rundir / "d"], rundir)


def listed(store: Store, name: str) -> set[str]:
    """Return what the manifest on the disk lists, as another process sees it."""
    return set(Store(store.root).manifest("s", name))


def test_they_are_listed_at_the_end_and_count_as_stored_before(store: Store) -> None:
    with store.together() as failed:
        put(store, "a", "b")
        assert not listed(store, "a")
        assert set(store.manifest("s", "a")) == {"d", "d/x"}
        assert store.fetch_file("s", "b", "d/x").read_text() == "1"
        put(store, "a")  # again
    assert not failed
    assert listed(store, "a") == listed(store, "b") == {"d", "d/x"}
    assert not store.verify("s", "a")


def test_all_that_a_manifest_names_is_on_disk_before_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync

    def noted(handle: int) -> None:
        sync(handle)
        synced.append(os.fstat(handle).st_ino)

    monkeypatch.setattr(os, "fsync", noted)
    with store.together():
        put(store, "a", "b", "c")
        assert not synced
    for name in "abc":
        folder = store.root / "s" / name
        before = synced[: synced.index((folder / "manifest.json").stat().st_ino)]
        for path in (folder, folder.parent, store.root, folder / "d", folder / "d/x"):
            assert path.stat().st_ino in before, path


def test_what_is_interrupted_is_not_listed_and_is_stored_again(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), store.together():
        put(store, "a")
        raise KeyboardInterrupt
    assert not listed(store, "a")
    assert not store.manifest("s", "a")
    put(store, "a")
    assert listed(store, "a") == {"d", "d/x"}
    assert {path.name for path in (store.root / "s" / "a").iterdir()} == {"d", "manifest.json"}


def test_one_that_can_not_be_listed_keeps_no_other_from_it(store: Store) -> None:
    with store.together() as failed:
        put(store, "a", "b", "c")
        (store.root / "s" / "b" / "manifest.json").mkdir()
    (folder, error) = failed.popitem()
    assert folder == store.root / "s" / "b"
    assert "manifest.json: can't be read" in str(error)
    assert listed(store, "a") == listed(store, "c") == {"d", "d/x"}


def test_many_share_one_wait_for_the_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "on_network", lambda path: False)
    each: list[int] = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (each.append(handle), sync(handle)))
    names = [f"a-{number}" for number in range(disk.MANY + 1)]
    with store.together() as failed:
        put(store, *names)
    assert not failed
    assert not each
    assert all(listed(store, name) == {"d", "d/x"} for name in names)


@pytest.mark.parametrize("reason", ["network", "error", "old"])
def test_where_no_wait_can_be_shared_each_waits_for_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    monkeypatch.setattr(disk, "on_network", lambda path: reason == "network")
    if reason == "error":
        monkeypatch.setattr(disk, "sync_file_system", lambda path: False)
    elif reason == "old":  # it does not say whether all was written
        monkeypatch.setattr(platform, "release", lambda: "4.18.0-553.el8.x86_64")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    names = [f"a-{number}" for number in range(disk.MANY + 1)]
    with store.together():
        put(store, *names)
    for name in names:
        folder = store.root / "s" / name
        assert {path.stat().st_ino for path in (folder, *folder.rglob("*"))} <= set(synced)
