from __future__ import annotations

from pathlib import Path

from asimov.project.storage.superseded import is_superseded, last_number, move_aside, next_place


def test_the_next_place_follows_the_highest_number(tmp_path: Path) -> None:
    run = tmp_path / "a"
    assert next_place(run) == tmp_path / "a.superseded-1"
    for name in ("a.superseded-2", "a.superseded-10", "b.superseded-30", "superseded-40"):
        (tmp_path / name).mkdir()
    assert next_place(run) == tmp_path / "a.superseded-11"
    assert last_number(tmp_path) == 40
    assert last_number(tmp_path / "missing") == 0


def test_a_name_with_signs_of_a_pattern_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "axb.superseded-7").mkdir()
    assert next_place(tmp_path / "a.b") == tmp_path / "a.b.superseded-1"


def test_only_the_whole_name_is_superseded() -> None:
    assert is_superseded("superseded-3")
    assert not is_superseded("superseded-3.txt")
    assert not is_superseded("a.superseded-3")


def test_parts_of_a_folder_keep_their_paths(tmp_path: Path) -> None:
    run = tmp_path / "a"
    (run / "d").mkdir(parents=True)
    (run / "d/x").write_text("1")
    (run / "y").write_text("2")
    assert move_aside(run, [run / "d/x", run / "gone"]) == tmp_path / "a.superseded-1"
    assert (tmp_path / "a.superseded-1/d/x").read_text() == "1"
    assert (run / "y").exists()
    assert move_aside(tmp_path / "nothing") is None
