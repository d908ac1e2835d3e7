"""The ledger's files: the cache, hand edits, and changes that are cut short."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import closing

import pytest

from asimov.errors import AsimovError
from asimov.journal.documents import Documents
from asimov.ledger import store
from asimov.ledger.store import LedgerFiles
from asimov.project.workspace import Workspace
from tests.conftest import snapshot


@pytest.fixture
def parsed(monkeypatch):
    """Count the files that are parsed."""
    paths = []
    parse = store.parse

    def counted(path, *rest, **more):
        paths.append(path)
        return parse(path, *rest, **more)

    monkeypatch.setattr(store, "parse", counted)
    return paths


@pytest.fixture
def files(project, workspace):
    for name in "abc":
        (project / f"ledger/subjects/{name}.yaml").write_text(f"name: {name}\nx: 1\n")
    age(project)
    return workspace.files


def age(project, *, seconds=10):
    """Make the files old enough for the cache to trust their time stamps."""
    for path in (project / "ledger").rglob("*.yaml"):
        now = path.stat().st_mtime
        os.utime(path, (now - seconds, now - seconds))


def wait_for_tick(files):
    """Cache the files, once they are old enough for that."""
    time.sleep(2 * store._TICK_NS / 1e9)
    files.load()
    assert len(Documents(files.journal).cached()) == 4


def test_a_file_that_was_not_touched_is_not_parsed_again(files, parsed):
    wait_for_tick(files)
    parsed.clear()
    for _ in range(3):
        assert list(files.load().subjects) == ["a", "b", "c"]
    assert parsed == []


def test_a_file_that_was_touched_is_parsed_alone(project, files, parsed):
    wait_for_tick(files)
    parsed.clear()
    (project / "ledger/subjects/b.yaml").write_text("name: b\nx: 2\nz: 3\n")
    assert files.load().subjects["b"] == {"name": "b", "x": 2, "z": 3}
    assert set(parsed) == {"subjects/b.yaml"}


def test_edits_of_the_same_size_one_after_the_other_are_all_seen(project, files):
    path = project / "ledger/subjects/b.yaml"
    for number in range(200):
        path.write_text(f"name: b\nx: {number % 10}\n")
        assert files.load().subjects["b"]["x"] == number % 10


def test_an_edit_of_the_same_size_with_its_old_time_is_seen(project, files):
    wait_for_tick(files)
    path = project / "ledger/subjects/b.yaml"
    before = path.stat()
    path.write_text("name: b\nx: 7\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert files.load().subjects["b"]["x"] == 7


def test_an_edit_right_after_a_command_wrote_the_file_is_seen(project, files):
    path = project / "ledger/subjects/b.yaml"
    for number in range(5):
        known = {"subjects/b.yaml": {"name": "b"}}
        with files.lock(), files.writing({"subjects/b.yaml": "name: b\nx: 1\n"}, known):
            pass
        with path.open("r+") as stream:
            stream.write(f"name: b\nx: {number + 2}\n")
        assert files.load().subjects["b"]["x"] == number + 2


def test_what_a_command_wrote_need_not_be_parsed(files, parsed):
    data = {"name": "b", "x": 5}
    texts = {"subjects/b.yaml": "name: b\nx: 5\n"}
    with files.lock(), files.writing(texts, {"subjects/b.yaml": data}):
        pass
    parsed.clear()
    assert files.load().subjects["b"] == data
    assert "subjects/b.yaml" not in parsed


def test_a_file_that_is_gone_is_forgotten(project, files):
    wait_for_tick(files)
    (project / "ledger/subjects/b.yaml").unlink()
    assert list(files.load().subjects) == ["a", "c"]
    assert "subjects/b.yaml" not in Documents(files.journal).cached()


def test_a_broken_file_is_told_each_time_and_mended_at_once(project, files):
    path = project / "ledger/subjects/b.yaml"
    path.write_text("name: b\nx: [\n")
    for _ in range(2):
        contents = files.load()
        assert list(contents.subjects) == ["a", "c"]
        assert str(contents.broken["subjects/b.yaml"]).startswith("ledger/subjects/b.yaml:3:1: ")
    path.write_text("name: b\n")
    assert not files.load().broken


def test_the_largest_numbers_are_kept_and_larger_ones_refused(project, files):
    (project / "ledger/subjects/b.yaml").write_text(f"name: b\nx: {2**64 - 1}\ny: {-(2**63)}\n")
    (project / "ledger/subjects/c.yaml").write_text(f"name: c\nx: {2**64}\n")
    age(project)
    for _ in range(2):
        contents = files.load()
        assert contents.subjects["b"] == {"name": "b", "x": 2**64 - 1, "y": -(2**63)}
        assert "a value that can't be read as int" in str(contents.broken["subjects/c.yaml"])


@pytest.mark.parametrize("kind", ["folder", "loop"])
def test_something_else_in_the_place_of_a_file_is_told(project, files, kind):
    path = project / "ledger/subjects/b.yaml"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)
    contents = files.load()
    assert list(contents.subjects) == ["a", "c"]
    assert "can't be read" in str(contents.broken["subjects/b.yaml"])


def test_a_link_to_nothing_is_told(project, files):
    path = project / "ledger/subjects/b.yaml"
    path.unlink()
    path.symlink_to("nowhere")
    assert "is missing" in str(files.load().broken["subjects/b.yaml"])


def test_editors_own_files_are_left_alone(project, files):
    for name in (".b.yaml.swp", "b.yaml~", ".#b.yaml", "README.md", ".hidden.yaml"):
        (project / "ledger/subjects" / name).write_text("[")
    assert not files.load().broken


class TestCutShort:
    """A change that the death of the process leaves half done."""

    def killed_after(self, project, written):
        """Apply a change of ten files in a process that is killed when some are written."""
        program = f"""
            import os, signal
            from asimov.ledger import store
            from asimov.project.workspace import Workspace

            workspace = Workspace.open()
            write, count = store.write_atomically, 0

            def dying(*args, **more):
                global count
                if count == {written}:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1
                write(*args, **more)

            store.write_atomically = dying
            names = [f"n{{i}}" for i in range(10)]
            texts = {{f"subjects/{{n}}.yaml": f"name: {{n}}\\n" for n in names}}
            known = {{path: {{"name": path[9:-5]}} for path in texts}}
            with workspace.files.lock(), workspace.files.writing(texts, known):
                pass
            """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)], cwd=project, check=False
        )
        assert done.returncode == -signal.SIGKILL

    @pytest.mark.parametrize("written", [0, 1, 5, 9])
    def test_the_next_command_shows_it_done_and_the_next_that_acts_finishes_it(
        self, project, asimov, written
    ):
        self.killed_after(project, written)
        for each in ("shows", "shows it again"):
            found = list((project / "ledger/subjects").glob("n*.yaml"))
            assert len(found) == written, each
            ran = asimov("event", "show")
            assert ran.out.split() == [f"n{number}" for number in range(10)]
            assert "in progress or was interrupted" in ran.err
        assert asimov("monitor").code == 0
        assert len(list((project / "ledger/subjects").glob("n*.yaml"))) == 10
        workspace = Workspace.open(project)
        assert Documents(workspace.journal).changes() == []
        workspace.journal.close()

    def test_it_is_finished_once_and_edits_after_that_stay(self, project, asimov):
        self.killed_after(project, 5)
        asimov("monitor")
        (project / "ledger/subjects/n7.yaml").write_text("name: n7\nx: 1\n")
        before = snapshot(project / "ledger")
        assert asimov("status").code == 0
        assert snapshot(project / "ledger") == before

    def test_nothing_half_written_stays_behind(self, project, asimov):
        self.killed_after(project, 5)
        asimov("monitor")
        names = {path.name for path in (project / "ledger/subjects").iterdir()}
        assert names == {f"n{number}.yaml" for number in range(10)}


def test_a_change_that_fails_half_way_is_told_and_finished_later(project, workspace, monkeypatch):
    write = store.write_atomically

    def failing(path, text, **more):
        if path.name == "b.yaml":
            raise AsimovError("can't be written: No space left on device", where=path)
        write(path, text, **more)

    monkeypatch.setattr(store, "write_atomically", failing)
    texts = {f"subjects/{name}.yaml": f"name: {name}\n" for name in "abc"}
    with (
        pytest.raises(AsimovError, match="No space left") as told,
        workspace.files.lock(),
        workspace.files.writing(texts, {}),
    ):
        pass
    assert told.value.hint == "fix this; the next command then finishes the change"
    monkeypatch.undo()
    again = Workspace.open(project)
    assert list(again.contents.subjects) == ["a", "b", "c"]
    again.journal.close()


def test_two_commands_that_change_the_ledger_come_one_after_the_other(project, quick_shell):
    (project / "s.yaml").write_text("kind: subject\nname: s\n")
    for number in range(6):
        (project / f"{number}.yaml").write_text(
            f"kind: analysis\nname: a{number}\nsubject: s\npipeline: command\n"
            "executable: 'true'\noutputs: {out: job.out}\n"
        )
    ran = quick_shell(
        "asimov apply -f s.yaml && for i in 0 1 2 3 4 5; do asimov apply -f $i.yaml & done; wait;"
        " asimov report status",
        cwd=project,
    )
    assert ran.err == ""
    assert ran.out.count(" command ready") == 6


def test_a_ledger_folder_that_can_not_be_listed_is_one_line(project, workspace, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(os, "listdir", refuse)
        with pytest.raises(AsimovError, match=r"subjects: can't be read: Permission denied"):
            LedgerFiles(project / "ledger", workspace.journal).load()


def test_a_reading_command_parses_a_file_once_and_writes_nothing(project, files, parsed):
    def settled():
        """Read until no file is so new that its time stamp can't be trusted."""
        for _ in range(10_000):
            parsed.clear()
            reading.reload()
            if not parsed:
                return
        raise AssertionError("always parsed again")

    before, cached = snapshot(project), Documents(files.journal).cached()
    reading = Workspace.open(project, reading=True)
    settled()
    assert list(reading.contents.subjects) == ["a", "b", "c"]
    (project / "ledger/subjects/b.yaml").write_text("name: b\nx: 2\n")
    reading.reload()
    assert reading.contents.subjects["b"]["x"] == 2
    assert set(parsed) == {"subjects/b.yaml"}
    settled()
    (project / "ledger/subjects/b.yaml").write_text("name: b\nx: 1\n")
    (project / "ledger/subjects/c.yaml").unlink()
    reading.reload()
    assert [*reading.contents.subjects.items()] == [(name, {"name": name, "x": 1}) for name in "ab"]
    (project / "ledger/subjects/c.yaml").write_text("name: c\nx: 1\n")
    assert snapshot(project) == before
    assert Documents(files.journal).cached() == cached


def test_who_only_reads_has_the_same_ledger_until_a_file_changes(files, project, parsed):
    wait_for_tick(files)
    with closing(Workspace.open(project, reading=True).journal) as journal:
        reading = LedgerFiles(files.folder, journal)
        first = reading.load()
        parsed.clear()
        assert reading.load() is first
        assert reading.load(look=False) is first
        (project / "ledger/subjects/b.yaml").write_text("name: b\nx: 2\n")
        assert reading.load(look=False) is first  # an edit by hand, and nobody looks
        edited = reading.load()
        assert (edited.subjects["b"]["x"], edited.subjects["a"]) == (2, first.subjects["a"])
        assert parsed == ["subjects/b.yaml"]
        with files.lock(), files.writing({"subjects/c.yaml": None}, {}):
            pass
        files.load()
        journal.renew()
        assert list(reading.load(look=False).subjects) == ["a", "b"]  # a command, which says so
