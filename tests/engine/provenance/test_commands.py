"""The command lines of an analysis's jobs."""

from __future__ import annotations

from pathlib import Path

from asimov.engine.provenance.commands import commands_in


def test_submit_files_are_read_in_so_far_as_they_are_clear(tmp_path: Path) -> None:
    (tmp_path / "submit").mkdir()
    (tmp_path / "b.sub").write_text(
        "Executable = /bin/b\narguments = \"one 'two words' \\\n$(DOLLAR)HOME\"\n"
        "transfer_input_files = x.txt, osdf:///y\nqueue 3\nexecutable = /after\n"
    )
    (tmp_path / "submit" / "a.submit").write_text("include : $(X)\nexecutable=/bin/a\nqueue\n")
    (tmp_path / "half.sub").write_bytes(b"arguments = \xff\xfe\n")
    (tmp_path / "folder.sub").mkdir()
    (tmp_path / "large.sub").write_text("executable = /bin/large\nqueue\n" + "#" * 1_000_000)
    (tmp_path / "quotes.sub").write_text('executable = /bin/q\narguments = "\'open"\nqueue\n')
    found = {each.file: each for each in commands_in(str(tmp_path))}
    assert set(found) == {"b.sub", "submit/a.submit", "quotes.sub"}
    assert found["b.sub"].executable == "/bin/b"
    assert found["b.sub"].words() == ["one", "two words", "$HOME"]
    assert found["b.sub"].inputs == ["x.txt", "osdf:///y"]
    assert found["quotes.sub"].words() == []


def test_the_path_and_the_image_of_the_job_are_read(tmp_path: Path) -> None:
    own = 'executable = a\nenvironment = "A=1 PATH=/env/bin:/bin"\n'
    (tmp_path / "own.sub").write_text(f"{own}container_image = docker://lab/fit:1\n")
    (tmp_path / "all.sub").write_text("executable = a\ngetenv = HOME, PATH\nenvironment = A=1\n")
    (tmp_path / "none.sub").write_text("executable = a\ngetenv = HOME\ndocker_image = lab/fit\n")
    found = {each.file: (each.path, each.image) for each in commands_in(str(tmp_path))}
    assert found["own.sub"] == ("/env/bin:/bin", "docker://lab/fit:1")
    assert found["all.sub"] == ("$ENV(PATH)", "")
    assert found["none.sub"] == ("", "lab/fit")


def test_a_run_directory_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert commands_in(str(tmp_path / "none")) == []
