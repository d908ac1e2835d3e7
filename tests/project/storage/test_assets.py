"""The products of an analysis by name, as they are found in the store."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from asimov.project.storage.assets import KEY, Stored, described, is_gone
from asimov.project.storage.store import Store


@pytest.fixture
def rundir(tmp_path: Path) -> Path:
    """A run directory whose folder is behind a link, with products in it and beside it."""
    run = tmp_path / "real" / "a"
    (run / "out").mkdir(parents=True)
    (tmp_path / "working").symlink_to("real")
    for name in ("out/x", "out/y", "../far/x"):
        path = run / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path / "working" / "a"


def _stored(rundir: Path, tmp_path: Path) -> Stored:
    run = str(rundir)
    assets = {
        "x": f"{run}/out/x",
        "many": [Path(run, "out/x"), "out/y"],
        "far": {"h1": str(rundir.parent / "far/x")},
        "folder": f"{run}/out",
        "not made": f"{run}/out/never",
        "number": 3,
    }
    record = rundir / "asimov-provenance.json"
    record.write_text(json.dumps({KEY: described(assets, run)}))
    store = Store(tmp_path / "results")
    products = [assets["x"], *assets["many"], assets["far"]["h1"], assets["folder"]]
    assert store.add_products("s", "a", products, rundir, record) == []
    return Stored(store, "s", "a", run)


def test_assets_of_every_shape_are_found_in_the_store(rundir: Path, tmp_path: Path) -> None:
    stored = _stored(rundir, tmp_path)
    assert not is_gone(str(rundir))
    shutil.rmtree(tmp_path / "real")
    assert is_gone(str(rundir))
    folder = tmp_path / "results/s/a"
    assert stored.assets() == {
        "x": f"{folder}/out/x",
        "many": [f"{folder}/out/x", f"{folder}/out/y"],
        "far": {"h1": f"{folder}/x"},
        "folder": f"{folder}/out",
        "not made": str(tmp_path / "working/a/out/never"),
        "number": 3,
    }
    assert Path(f"{folder}/x").read_text() == "../far/x"


def test_a_project_that_was_moved_finds_them_too(rundir: Path, tmp_path: Path) -> None:
    _stored(rundir, tmp_path)
    (tmp_path / "moved").mkdir()
    (tmp_path / "results").rename(tmp_path / "moved/results")
    stored = Stored(Store(tmp_path / "moved/results"), "s", "a", str(tmp_path / "moved/working/a"))
    assets = stored.assets() or {}
    assert assets["x"] == str(tmp_path / "moved/results/s/a/out/x")
    assert assets["far"] == {"h1": str(tmp_path / "moved/results/s/a/x")}


def test_only_what_is_gone_is_replaced(rundir: Path, tmp_path: Path) -> None:
    stored = _stored(rundir, tmp_path)
    (rundir / "out/x").unlink()
    one, other = rundir / "out/x", rundir / "out/y"
    found = stored.instead({"x": one, "y": other, "many": []})
    folder = tmp_path / "results/s/a"
    assert (found["x"], found["y"]) == (f"{folder}/out/x", other)
    assert found["many"] == [f"{folder}/out/x", f"{folder}/out/y"]
    nothing = Stored(Store(tmp_path / "results"), "s", "b", str(tmp_path / "b"))
    assert not nothing and nothing.assets() is None
    assert nothing.instead({"x": "x"}) == {"x": "x"}


def test_a_name_that_is_no_text_leaves_the_products_to_the_pipeline(tmp_path: Path) -> None:
    assert described({"x": b"\xff".decode(errors="surrogateescape")}, str(tmp_path)) == {}


def test_a_package_that_stores_under_its_own_names_is_understood(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "x.dat").write_text("x")
    store = Store(tmp_path / "results")
    store.add_file("s", "a", run / "x.dat", "kept/x.dat")
    shutil.rmtree(run)
    found = Stored(store, "s", "a", str(run)).instead({"x": str(run / "x.dat")})
    assert found == {"x": str(tmp_path / "results/s/a/kept/x.dat")}
