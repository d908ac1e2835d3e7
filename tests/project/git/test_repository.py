"""The repositories of configurations."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from asimov.errors import AsimovError
from asimov.project.git.repository import AsimovFileNotFound, EventRepo


@pytest.fixture
def run(tmp_path):
    def call(*arguments):
        return subprocess.run(
            ["git", *arguments], cwd=tmp_path / "repo", check=True, capture_output=True, text=True
        ).stdout

    return call


@pytest.fixture
def repo(tmp_path):
    return EventRepo(tmp_path / "repo" / "s", tmp_path / "repo")


def write(repo, name, text="x"):
    path = Path(repo.directory) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def committed(run, commit="HEAD"):
    """Return the files of one commit."""
    return run("show", "-z", "--name-only", "--format=", commit).strip("\0\n").split("\0")


def test_nothing_is_made_before_the_first_commit(repo):
    assert not repo.root.exists()
    assert repo.directory == str(repo.root / "s")


def test_a_commit_holds_the_files_and_its_hash_is_told(repo, run):
    sha = repo.commit([write(repo, "a.ini"), write(repo, "b.ini")], "Two files")
    assert sha == run("rev-parse", "HEAD").strip()
    assert committed(run) == ["s/a.ini", "s/b.ini"]
    assert run("log", "-1", "--format=%s") == "Two files\n"
    assert run("status", "--porcelain") == ""


def test_without_a_change_there_is_no_commit(repo, run):
    path = write(repo, "a.ini")
    assert repo.commit([path], "one")
    write(repo, "untracked")
    assert repo.commit([path], "two") is None
    assert repo.commit([], "three") is None
    assert run("rev-list", "--count", "HEAD") == "1\n"


def test_what_a_person_has_staged_stays_out_and_stays_staged(repo, run):
    path = write(repo, "a.ini", "1")
    repo.commit([path], "one")
    (repo.root / "mine.txt").write_text("mine")
    run("add", "mine.txt")
    write(repo, "a.ini", "2")
    assert repo.commit([path], "two")
    assert committed(run) == ["s/a.ini"]
    assert run("status", "--porcelain") == "A  mine.txt\n"
    write(repo, "untracked")
    assert repo.commit([path], "three") is None  # nothing of asimov's has changed
    assert run("rev-list", "--count", "HEAD") == "2\n"
    assert "A  mine.txt\n" in run("status", "--porcelain")


def test_also_before_there_is_any_commit(repo, run):
    _ = repo.repository
    (repo.root / "mine.txt").write_text("mine")
    run("add", "mine.txt")
    repo.commit([write(repo, "a.ini")], "one")
    assert committed(run) == ["s/a.ini"]
    assert run("status", "--porcelain") == "A  mine.txt\n"


@pytest.mark.parametrize(
    "name",
    ["a b.ini", "*.ini", ":(top)x.ini", ":!x", "größe-日本.ini", "-x.ini", "q'\"uote.ini",
     "[a].ini", "tab\t.ini", "line\nfeed.ini", "back\\slash.ini", "#x", "a=b,c@d~e+f.ini"],
)  # fmt: skip
def test_names_with_odd_characters_are_names(repo, run, name):
    write(repo, "other.ini")
    repo.commit([write(repo, name)], f"Add {name}")
    assert committed(run) == [f"s/{name}"]
    assert "?? s/other.ini" in run("status", "--porcelain")


def test_what_the_person_ignores_is_committed_all_the_same(repo, run):
    _ = repo.repository
    (repo.root / ".gitignore").write_text("*.ini\n")
    repo.commit([write(repo, "a.ini")], "one")
    assert committed(run) == ["s/a.ini"]


def test_a_persons_hooks_and_signing_keys_are_not_asked(repo, run):
    _ = repo.repository
    hook = repo.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    run("config", "commit.gpgsign", "true")
    assert repo.commit([write(repo, "a.ini")], "one")


IDENTITY = [f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]


@pytest.mark.parametrize(
    ("configured", "author"),
    [
        ("", "asimov <asimov@localhost>"),
        ("[user]\nname = Ada\n", "Ada <asimov@localhost>"),
        ("[user]\nemail = ada@example.org\n", "asimov <ada@example.org>"),
        ("[user]\nname = Ada\nemail = ada@example.org\n", "Ada <ada@example.org>"),
    ],
)
def test_an_author_is_named_where_the_user_has_told_of_none(
    repo, run, monkeypatch, tmp_path, configured, author
):
    for name in [*IDENTITY, "EMAIL"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    Path(os.environ["GIT_CONFIG_GLOBAL"]).write_text(f"{configured}[user]\nuseConfigOnly = true\n")
    repo.commit([write(repo, "a.ini")], "one")
    assert run("log", "-1", "--format=%an <%ae>") == f"{author}\n"


def test_more_files_than_a_command_line_takes_are_one_commit(repo, run):
    folder = "/".join(["f" * 200] * 17)
    paths = [write(repo, f"{folder}/{number}.ini") for number in range(640)]
    assert sum(len(str(path)) for path in paths) > 2**21
    repo.commit(paths, "many")
    assert len(committed(run)) == 640
    assert run("rev-list", "--count", "HEAD") == "1\n"


def test_paths_are_absolute_also_after_the_folder_was_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    repo = EventRepo("repo/s", tmp_path / "repo")
    write(repo, "analyses/a.ini")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert repo.find_prods("a", "analyses") == [str(tmp_path / "repo/s/analyses/a.ini")]
    repo.add_file(tmp_path / "repo/s/analyses/a.ini", "analyses/b.ini")
    assert repo.find_prods("b") == [str(tmp_path / "repo/s/analyses/b.ini")]
    assert repo.commit([tmp_path / "repo/s/analyses/a.ini"], "a")


def test_a_configuration_that_is_not_there_is_found_only_where_it_is_about_to_be_made(repo):
    assert repo.find_prods("a", "analyses") == []
    path = repo.root / "s" / "analyses" / "a.ini"
    with repo.expecting(path):
        assert repo.find_prods("a", "analyses") == [str(path)]
        assert repo.find_prods("b") == []
    assert repo.find_prods("a") == []


def test_without_a_name_every_configuration_of_a_category_is_found(repo):
    paths = [write(repo, f"analyses/{name}.ini") for name in ("b", "a")]
    write(repo, "other/c.ini")
    assert repo.find_prods() == sorted(map(str, paths))
    assert repo.find_prods(category="other") == [str(repo.root / "s" / "other" / "c.ini")]


def test_a_file_of_a_category_is_found_by_a_pattern(repo):
    with pytest.raises(AsimovFileNotFound, match="has no file") as told:
        repo.find_file("*times*.txt", "cal")
    assert isinstance(told.value, FileNotFoundError)
    path = write(repo, "cal/my-times-1.txt")
    assert repo.find_file("*times*.txt", "cal") == str(path)
    with pytest.raises(AsimovFileNotFound):
        repo.find_file("*times*.txt")


def test_a_file_is_added_with_a_message(repo, run, tmp_path):
    (tmp_path / "source").write_text("1")
    repo.add_file(tmp_path / "source", "deep/er/file", commit_message="Here it is")
    assert committed(run) == ["s/deep/er/file"]
    assert run("log", "-1", "--format=%s") == "Here it is\n"
    repo.add_file(repo.root / "s/deep/er/file", "deep/er/file")  # onto itself


def test_a_repository_that_is_there_is_used(tmp_path, run, repo):
    (tmp_path / "repo").mkdir()
    run("init", "--quiet", "--initial-branch=mine")
    repo.commit([write(repo, "a.ini")], "one")
    assert run("branch", "--show-current") == "mine\n"


def test_a_repository_is_cloned(tmp_path, repo):
    repo.commit([write(repo, "a.ini")], "one")
    clone = EventRepo(tmp_path / "clone", url=str(repo.root))
    clone.ensure()
    assert (tmp_path / "clone" / "s" / "a.ini").exists()


@pytest.mark.parametrize("url", ["/no/such/repository", "file:///no/such/repository"])
def test_a_repository_that_can_not_be_cloned_is_told_in_gits_words(tmp_path, url):
    with pytest.raises(AsimovError) as told:
        EventRepo(tmp_path / "clone", url=url).ensure()
    assert str(told.value).startswith(f"{tmp_path}/clone: git: ")
    assert "\n" not in str(told.value)


def test_without_git_one_line_says_so(repo, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "git", None)
    path = write(repo, "a.ini")
    with pytest.raises(AsimovError, match="git can't be used") as told:
        repo.commit([path], "one")
    assert told.value.hint == "install git, or repair it so that 'git --version' works"


def test_a_repository_under_another_programs_lock_is_told_in_gits_words(repo):
    path = write(repo, "a.ini")
    repo.commit([path], "one")
    (repo.root / ".git" / "index.lock").touch()
    write(repo, "a.ini", "2")
    with pytest.raises(AsimovError) as told:
        repo.commit([path], "two")
    assert "git: " in str(told.value)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 400


def test_a_file_in_the_place_of_the_repository(tmp_path):
    (tmp_path / "repo").write_text("x")
    with pytest.raises(AsimovError, match="can't be created"):
        _ = EventRepo(tmp_path / "repo" / "s", tmp_path / "repo").repository


def test_a_message_that_names_many_analyses_is_no_matter_of_length(repo, run):
    message = "Build\n\n" + "\n".join(f"subject/analysis-{n:05}" for n in range(10_000))
    assert repo.commit([write(repo, "a.ini")], message)
    assert run("log", "-1", "--format=%B").strip() == message
