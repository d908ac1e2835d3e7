"""How jobs get at files: words, programs and what is sent along."""

from __future__ import annotations

from pathlib import Path

import pytest

from asimov.errors import AsimovError
from asimov.pipeline.nodes import Input, Node
from asimov.pipeline.staging import FOLDER, InPlace, Staged, Transfer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "working/s/a").mkdir(parents=True)
    (tmp_path / "data/deep").mkdir(parents=True)
    for name in ("in.txt", "data/in.txt", "data/deep/in.txt", "with blank.txt"):
        (tmp_path / name).write_text(name)
    return tmp_path


def transferred(root: Path, *arguments: str | Input, **more: object) -> Staged:
    node = Node("n", "prog", arguments, **more)  # type: ignore[arg-type]
    return Transfer(root, root / "working/s/a").stage(node)


def sources(staged: Staged) -> list[str]:
    return list(filter(None, staged.commands["transfer_input_files"].split(", ")))


def test_files_that_arguments_name_are_sent_and_found_beside_the_folder(root: Path) -> None:
    staged = transferred(root, f"--in={root}/in.txt", f"{root}/with blank.txt", "-x", "free text")
    assert staged.arguments == ["prog", "--in=../in.txt", "../with blank.txt", "-x", "free text"]
    assert sources(staged) == [f"{root}/in.txt", f"{root}/with blank.txt"]
    assert staged.commands["transfer_output_files"] == f"{FOLDER}/"


def test_files_of_one_name_get_folders_of_their_own(root: Path) -> None:
    words = [f"{root}/{name}" for name in ("in.txt", "data/in.txt", "data/deep/in.txt")]
    staged = transferred(root, *words, words[1])
    assert len(set(staged.arguments[1:4])) == 3
    assert staged.arguments[2] == staged.arguments[4]
    assert set(staged.links.values()) == set(words[1:])
    assert len(sources(staged)) == 3


def test_paths_in_the_run_directory_are_written_there_unless_they_exist(root: Path) -> None:
    rundir = root / "working/s/a"
    (rundir / "built.sh").touch()
    staged = transferred(root, f"--out={rundir}/sub/new.txt", str(rundir), f"{rundir}/built.sh")
    assert staged.arguments[1:] == ["--out=sub/new.txt", ".", "../built.sh"]
    assert sources(staged) == [f"{rundir}/built.sh"]


def test_folders_around_the_run_directory_are_never_sent(root: Path) -> None:
    staged = transferred(root, str(root), f"{root}/working", f"{root}-other/in.txt")
    assert staged.arguments[1:] == [str(root), f"{root}/working", f"{root}-other/in.txt"]
    assert sources(staged) == []


def test_a_text_is_copied_with_the_paths_of_the_node(root: Path) -> None:
    config = root / "config.ini"
    config.write_text(f'a = "{root}/in.txt", {root}/data/in.txt; {root}/none.txt.\n')
    staged = transferred(root, Input(str(config), text=True))
    (text,) = [each for name, each in staged.texts.items() if name.endswith("config.ini")]
    assert text.startswith('a = "../in.txt", ../')
    assert text.endswith(f"; {root}/none.txt.\n")


def test_a_url_is_fetched_under_its_last_name(root: Path) -> None:
    url = "osdf:///pool/big.h5"
    staged = transferred(root, url, inputs=[Input(url)])
    assert staged.arguments[1:] == ["../big.h5"]
    assert sources(staged) == [url]
    with pytest.raises(
        AsimovError, match="is a URL, which HTCondor fetches only if it transfers files"
    ):
        InPlace().stage(Node("n", "/bin/true", [Input(url)]))


@pytest.mark.parametrize("name", ["a,b", "a ", "a\nb"])
def test_a_name_that_a_list_would_split_is_sent_in_a_folder(root: Path, name: str) -> None:
    (root / name).touch()
    staged = transferred(root, Input(str(root / name)))
    folder = "inputs/n-0"
    assert staged.arguments[1:] == [f"../n-0/{name}"]
    assert sources(staged) == [f"{root}/working/s/a/{folder}"]
    assert staged.links == {f"{folder}/{name}": str(root / name)}


def test_a_list_that_can_not_be_written_is_refused(root: Path) -> None:
    with pytest.raises(AsimovError, match="the URL 'osdf:///a,b' can't be transferred"):
        transferred(root, inputs=[Input("osdf:///a,b")])
    rundir = root / "working/s/a,b"
    with pytest.raises(AsimovError, match="HTCondor can't transfer files of this folder") as raised:
        Transfer(root, rundir).stage(Node("n", "prog", [Input(str(rundir / "x"))]))
    assert str(rundir) in str(raised.value)


def test_a_shared_program_is_found_on_path_or_refused() -> None:
    assert InPlace().stage(Node("n", "sh")).executable.endswith("/sh")
    assert InPlace().stage(Node("n", "/no/such")).executable == "/no/such"
    with pytest.raises(AsimovError, match="the program 'no-such-program' is not on PATH"):
        InPlace().stage(Node("n", "no-such-program"))
