"""What matches patterns of files, and the folders in which that can change."""

from __future__ import annotations

from pathlib import Path

import pytest

from asimov.system.file_patterns import folders_of, matching


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "of [1] person"  # has characters of a pattern itself
    for name in ("a.txt", "d/b.txt", "d/e/c.txt", "d/f/c.txt", "d/f/.hidden/c.txt", "g/raw/x"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).touch()
    return place


@pytest.mark.parametrize(
    ("pattern", "files", "folders"),
    [
        ("*.txt", ["a.txt"], ["."]),
        ("./d/*.txt", ["d/b.txt"], ["d"]),
        ("d/*/c.txt", ["d/e/c.txt", "d/f/c.txt"], ["d", "d/e", "d/f"]),
        ("d/[e]/c.*", ["d/e/c.txt"], ["d", "d/e"]),
        ("**/c.txt", ["d/e/c.txt", "d/f/c.txt"], [".", "d", "d/e", "d/f", "g", "g/raw"]),
        ("?/raw/x", ["g/raw/x"], [".", "d", "g", "g/raw"]),
        ("none/*.txt", [], ["none"]),
        ("no/*/*.txt", [], ["no"]),
    ],
)
def test_matches_and_the_folders_that_decide(
    root: Path, pattern: str, files: list[str], folders: list[str]
) -> None:
    assert matching(pattern, root) == [str(root / each) for each in files]
    assert sorted(folders_of(pattern, root)) == [str(root / each) for each in folders]


def test_an_absolute_pattern_is_one_of_anywhere(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.txt").touch()
    assert matching(f"{other}/*.txt", root) == [f"{other}/x.txt"]
    assert folders_of(f"{other}/*.txt", root) == [str(other)]
