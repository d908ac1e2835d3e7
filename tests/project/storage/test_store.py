"""The results store."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

import pytest

from asimov.errors import AsimovError
from asimov.project.storage.store import AlreadyPresentException, Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


@pytest.fixture
def product(tmp_path):
    path = tmp_path / "samples.dat"
    path.write_text("1 2 3")
    return path


def test_a_stored_file_is_a_copy_with_its_checksum(store, product):
    stored = store.add_file("s", "a", product)
    assert stored == store.root / "s" / "a" / "samples.dat"
    product.write_text("changed")
    assert stored.read_text() == "1 2 3"
    manifest = store.manifest("s", "a")["samples.dat"]
    assert manifest["sha256"] == hashlib.sha256(b"1 2 3").hexdigest()
    assert manifest["size"] == 5
    assert store.fetch_file("s", "a", "samples.dat") == stored


def test_it_may_have_another_name(store, product):
    assert store.add_file("s", "a", product, new_name="größe.dat").name == "größe.dat"
    assert list(store.manifest("s", "a")) == ["größe.dat"]


def test_storing_it_again_changes_nothing(store, product):
    first = store.add_file("s", "a", product)
    manifest = store.manifest("s", "a")
    assert store.add_file("s", "a", product) == first
    assert store.manifest("s", "a") == manifest


def test_a_stored_file_that_is_gone_is_stored_again(store, product):
    store.add_file("s", "a", product).unlink()
    with pytest.raises(AsimovError, match="is not in the store"):
        store.fetch_file("s", "a", "samples.dat")
    assert store.add_file("s", "a", product).read_text() == "1 2 3"


def test_another_file_of_that_name_is_refused(store, product):
    stored = store.add_file("s", "a", product)
    product.write_text("other")
    with pytest.raises(AlreadyPresentException, match=r"another samples\.dat of s/a is already"):
        store.add_file("s", "a", product)
    assert stored.read_text() == "1 2 3"


def test_a_file_that_was_changed_in_the_store_is_told(store, product):
    stored = store.add_file("s", "a", product)
    stored.chmod(0o600)
    stored.write_text("changed")
    with pytest.raises(AsimovError, match="its checksum differs"):
        store.fetch_file("s", "a", "samples.dat")


def test_what_was_never_stored(store):
    assert store.manifest("s", "a") == {}
    with pytest.raises(AsimovError, match="is not in the store"):
        store.fetch_file("s", "a", "x")


@pytest.mark.parametrize("name", ["../x", "a/../b", "/x", "..", ".", "manifest.json"])
def test_a_name_that_would_leave_its_folder_or_hide_the_manifest(store, product, name):
    with pytest.raises(AsimovError, match="can't be a name in the store"):
        store.add_file("s", "a", product, new_name=name)
    assert not store.root.exists()


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_product_that_can_not_be_read(store, tmp_path, kind):
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    with pytest.raises(AsimovError, match=f"{path}: can't be read: "):
        store.add_file("s", "a", path)
    assert not store.root.exists()


def test_a_store_that_can_not_be_written(store, product):
    store.root.write_text("in the way")
    with pytest.raises(AsimovError, match="can't be stored: "):
        store.add_file("s", "a", product)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_damaged_manifest_names_itself(store, product, text):
    store.add_file("s", "a", product)
    path = store.root / "s" / "a" / "manifest.json"
    path.write_text(text)
    for use in (store.add_file, store.fetch_file):
        with pytest.raises(AsimovError, match=r"manifest\.json: is not a valid manifest"):
            use("s", "a", product if use == store.add_file else product.name)
    assert path.read_text() == text


def test_what_is_run_again_makes_room_and_nothing_is_lost(store, product):
    for number in (1, 2, 3):
        product.write_text(f"run {number}")
        store.add_file("s", "a", product)
        store.replace("s", "a")
        assert store.manifest("s", "a") == {}
        old = store.root / "s" / "a" / f"superseded-{number}"
        assert (old / "samples.dat").read_text() == f"run {number}"
        assert list(json.loads((old / "manifest.json").read_text())) == ["samples.dat"]
    store.replace("s", "a")  # nothing there
    store.replace("s", "never stored")
    assert not (store.root / "s" / "a" / "superseded-4").exists()


def test_the_manifest_holds_every_file(store, tmp_path):
    for number in range(5):
        path = tmp_path / f"f{number}"
        path.write_text(str(number))
        store.add_file("s", "a", path)
    assert list(store.manifest("s", "a")) == [f"f{number}" for number in range(5)]
    names = {path.name for path in (store.root / "s" / "a").iterdir()}
    assert names == {"manifest.json", *(f"f{number}" for number in range(5))}


def test_two_products_of_one_file_name_are_kept_in_their_folders(store, product, tmp_path):
    other = tmp_path / "other.dat"
    other.write_text("4 5 6")
    one = store.add_file("s", "a", product, new_name="h1/psd.dat")
    two = store.add_file("s", "a", other, new_name="l1/psd.dat")
    assert (one.read_text(), two.read_text()) == ("1 2 3", "4 5 6")
    store.replace("s", "a")
    assert (store.root / "s/a/superseded-1/l1/psd.dat").read_text() == "4 5 6"
    assert store.manifest("s", "a") == {}


def test_what_was_cut_short_while_it_made_room_is_made_up_for(store, product):
    store.add_file("s", "a", product)
    folder = store.root / "s" / "a"
    old = folder / "superseded-1"
    old.mkdir()
    (folder / product.name).rename(old / product.name)  # its manifest has stayed
    store.replace("s", "a")
    product.write_text("7 8 9")
    assert store.add_file("s", "a", product).read_text() == "7 8 9"
    assert (old / product.name).exists()


@pytest.mark.parametrize("steps", range(6))
def test_no_manifest_lists_a_file_that_is_elsewhere_when_a_move_is_cut_short(
    store, tmp_path, monkeypatch, steps
):
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
        store.add_file("s", "a", tmp_path / name)
    left = iter(range(steps))
    rename = Path.rename

    def renames(path, target):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", renames)
    with suppress(KeyboardInterrupt):
        store.replace("s", "a")
    monkeypatch.undo()
    folder = store.root / "s" / "a"
    for manifest in folder.rglob("manifest.json"):
        for name in json.loads(manifest.read_text()):
            assert (manifest.parent / name).read_text() == name
    store.replace("s", "a")
    assert [path.name for path in folder.iterdir()] == ["superseded-1"]
    assert json.loads((folder / "superseded-1/manifest.json").read_text()).keys() == {"a", "b", "c"}
