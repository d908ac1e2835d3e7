"""The commit that a repository is at, read from its files."""

from __future__ import annotations

from pathlib import Path

import git

from asimov.project.git.head import head_of


def test_it_is_what_git_says_loose_packed_detached_and_in_a_worktree(tmp_path: Path) -> None:
    assert head_of(tmp_path) == ""
    repository = git.Repo.init(tmp_path / "r")
    assert head_of(tmp_path / "r") == ""
    commit = repository.index.commit("one").hexsha
    assert head_of(tmp_path / "r") == commit
    repository.git.worktree("add", str(tmp_path / "w"))
    assert head_of(tmp_path / "w") == commit
    repository.git.pack_refs("--all")
    assert head_of(tmp_path / "r") == commit
    repository.git.checkout(commit)
    assert head_of(tmp_path / "r") == commit
    repository.close()
