"""Checking stored files against their manifests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asimov.project.storage import verification
from asimov.project.storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a file, a folder with a file, and a link, of two analyses."""
    run = tmp_path / "run"
    (run / "out").mkdir(parents=True)
    (run / "x").write_text("x1")
    (run / "out" / "y").write_text("y1")
    (run / "out" / "link").symlink_to("y")
    store = Store(tmp_path / "results")
    for name in ("a", "b"):
        store.add_products("s", name, [run / "x", run / "out"], run)
    return store


def _told(store: Store, *, quick: bool = False) -> list[tuple[str, str]]:
    return [(each.name, each.kind) for each in store.verify("s", "a", quick=quick)]


def _edit(path: Path, text: str) -> None:
    path.chmod(0o644)
    path.write_text(text)


def test_what_is_as_it_was_stored_has_no_fault_and_is_read_once(store: Store) -> None:
    found = verification.verify(store.root, store.manifest, store.analyses())
    assert (found.files, found.size, found.faults) == (4, 8, [])
    assert found.hashed == 2, "a and b share their files"


def test_every_fault_is_told_with_its_analysis(store: Store) -> None:
    folder = store.root / "s/a"
    _edit(folder / "x", "x2")
    (folder / "out/y").unlink()
    (folder / "out/link").unlink()
    (folder / "out/link").symlink_to("elsewhere")
    (folder / "out/new").write_text("")
    (folder / "new").mkdir()
    assert _told(store) == [
        ("new", "unknown"), ("out/link", "changed"), ("out/new", "unknown"),
        ("out/y", "missing"), ("x", "changed"),
    ]  # fmt: skip
    # The file of b is the same one.
    assert [(each.analysis, each.name) for each in store.verify("s", "b")] == [("b", "x")]


def test_a_file_of_another_size_or_kind_is_not_read(store: Store) -> None:
    folder = store.root / "s/a"
    _edit(folder / "x", "longer")
    (folder / "out/y").unlink()
    (folder / "out/y").mkdir()
    details = {each.name: each.detail for each in store.verify("s", "a")}
    assert details == {"x": "it has 6 bytes, not 2", "out/y": "it was a file"}


def test_superseded_results_are_checked_too(store: Store) -> None:
    store.replace("s", "a")
    assert not _told(store)
    _edit(store.root / "s/a/superseded-1/x", "x2")
    assert _told(store) == [("superseded-1/x", "changed")]


def test_a_manifest_that_can_not_be_read_is_a_fault(store: Store) -> None:
    (store.root / "s/a/manifest.json").write_text("{")
    assert _told(store) == [("manifest.json", "unreadable")]


def test_quickly_only_files_written_since_are_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    real = verification.checksum
    monkeypatch.setattr(verification, "checksum", lambda path: read.append(path) or real(path))
    assert not _told(store, quick=True) and not read
    path = store.root / "s/a/x"
    before = path.stat()
    _edit(path, "x2")
    os.utime(path, (before.st_atime, before.st_mtime))
    assert not _told(store, quick=True), "its stamp says nothing"
    assert _told(store) == [("x", "changed")]
    os.utime(path, (before.st_atime, before.st_mtime + 100))
    assert _told(store, quick=True) == [("x", "changed")]
