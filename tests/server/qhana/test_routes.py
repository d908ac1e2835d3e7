"""Routes of plugins, plugins made at runtime, the registry, state and blobs."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing

import pytest

from asimov.journal import plugin_memory
from asimov.journal.journal import Journal
from asimov.journal.plugin_memory import RuntimePlugins, settle
from asimov.pipeline.card import Memory
from asimov.system import files as files_of_the_system
from asimov.system.kept_files import KeptFiles
from tests.server.qhana.conftest import ADDRESS

#: More than is kept in the journal itself.
LARGE = bytes(range(256)) * 300
SHELF = f"{ADDRESS}/plugins/shelf@v0-2-0/"


@pytest.fixture(scope="module", autouse=True)
def registry(receiver):
    """A registry whose root links the collection of plugins, and that the link to post to."""
    api = f"{receiver.address}/registry"

    def answer(*links):
        found = [{"href": href, "rel": rels, "resourceType": "plugin"} for href, rels in links]
        own = {"self": {"href": f"{api}/", "rel": [], "resourceType": "api"}}
        body = {"data": own, "links": found, "keyedLinks": [], "embedded": []}
        return 200, json.dumps(body).encode()

    receiver.answers["/registry/"] = answer(
        (f"{api}/other/", ["other"]), (f"{api}/plugins/", ["plugin", "collection"])
    )
    receiver.answers["/registry/plugins/"] = answer((f"{api}/plugins/new/", ["post", "plugin"]))


def announced(receiver, count):
    """Return the addresses that the registry got, once there are so many."""
    end = time.monotonic() + 120
    while True:
        calls = [c for c in receiver.calls if c[1] == "/registry/plugins/new/"]
        if len(calls) >= count:
            return [query["url"][0] for _, _, query, _ in calls]
        assert time.monotonic() < end, receiver.calls
        time.sleep(0.05)


def test_routes_are_answered_by_the_plugin_with_its_state_and_blobs(runner):
    """Any method, query and form in, JSON or HTML out; they may read and write state and blobs."""
    answer = runner.client.post(f"{SHELF}items/", data={"name": "rope", "content": "ten metres"})
    assert (answer.status_code, answer.json()) == (201, {"before": None})
    again = runner.client.post(f"{SHELF}items/", data={"name": "rope", "content": "ten"})
    assert again.json() == {"before": {"size": 10}}
    assert again.headers["location"] == f"{SHELF}items/rope/"
    assert runner.get(f"{SHELF}items/?contains=op") == {"items": [{"name": "rope", "size": 3}]}
    assert runner.get(f"{SHELF}items/?contains=x") == {"items": []}
    assert runner.client.get(f"{SHELF}items/rope/content/").text == "ten"
    page = runner.client.get(f"{SHELF}welcome/")
    assert page.headers["content-type"].startswith("text/html")
    assert "script" not in page.headers["content-security-policy"]
    assert runner.client.post(f"{SHELF}items/", data={"name": "?"}).status_code == 422
    assert runner.client.get(f"{SHELF}items/none/").status_code == 404
    assert runner.client.get(f"{SHELF}nothing/").status_code == 404
    assert runner.client.put(f"{SHELF}items/").status_code == 405
    assert runner.get(SHELF)["links"] == [{"type": "items", "href": f"{SHELF}items/"}]
    # What builds jobs has the same state.
    task = runner.until(runner.start("shelf@v0-2-0"))
    assert (task["status"], task["log"]) == ("SUCCESS", "items: 1")


def test_plugins_made_at_runtime_are_listed_and_the_registry_is_told_once_each(runner, receiver):
    """It is in the next list with `href` as apiRoot; for both events POST with the href."""
    known = len(announced(receiver, 0))
    runner.client.post(f"{SHELF}items/", data={"name": "saw", "content": "sharp"})
    href = f"{SHELF}items/saw/"
    row = next(each for each in runner.get("/plugins/")["plugins"] if each["name"] == "saw")
    assert row == {
        "name": "saw",
        "version": "v1",
        "identifier": "saw@v1",
        "apiRoot": href,
        "description": "An item.",
        "tags": ["item"],
    }
    answer = runner.client.get("/plugins/saw/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, href)
    assert runner.get(href)["description"] == "An item of 5 characters."
    assert announced(receiver, known + 1)[known:].count(href) == 1
    assert runner.client.delete(href).status_code == 204
    assert "saw" not in [each["name"] for each in runner.get("/plugins/")["plugins"]]
    found = announced(receiver, known + 2)
    assert [each for each in found if each == href] == [href, href]
    runner.client.delete(href)  # of nothing: no error, and nobody is told


def test_a_runtime_plugin_is_listed_while_its_parent_is_loaded(runner):
    """It is in the next list for as long as the parent is loaded."""
    with closing(Journal(runner.root / ".asimov" / "journal.db")) as journal:
        for parent in ("shelf", "gone@v1"):
            href = f"http://elsewhere.example.org/{parent}/"
            RuntimePlugins(journal, parent).add(name=f"of-{parent}", version="v1", href=href)
        for version in ("v9", "v10"):
            href = f"http://elsewhere.example.org/{version}/"
            RuntimePlugins(journal, "shelf").add(name="versions", version=version, href=href)
    names = {each["name"]: each["apiRoot"] for each in runner.get("/plugins/")["plugins"]}
    assert names["of-shelf"] == "http://elsewhere.example.org/shelf/"
    assert "of-gone@v1" not in names
    # The list is sorted as text; a name leads to the newest by the order of versions.
    listed = [each for each in runner.get("/plugins/")["plugins"] if each["name"] == "versions"]
    assert [each["version"] for each in listed] == ["v10", "v9"]
    answer = runner.client.get("/plugins/versions/", follow_redirects=False)
    assert answer.headers["location"] == "http://elsewhere.example.org/v10/"


def test_a_registry_that_is_away_holds_nothing_up_and_is_told_later(runner, receiver):
    """One that is away holds nothing up."""
    known = len(announced(receiver, 0))
    found = receiver.answers["/registry/"]
    receiver.answers["/registry/"] = (503, b"")
    answer = runner.client.post(f"{SHELF}items/", data={"name": "nail", "content": "x"})
    assert answer.status_code == 201
    receiver.answers["/registry/"] = found
    assert f"{SHELF}items/nail/" in announced(receiver, known + 1)[known:]


def test_values_and_blobs_are_by_plugin_and_key(tmp_path):
    """Get (with a default; else KeyError), set (the old value), delete, list, search."""
    with closing(Journal(tmp_path / "journal.db")) as journal:
        files = KeptFiles(tmp_path / "files")
        one, other = Memory(journal, "one", files), Memory(journal, "other", files)
        for kept, first, second in (
            (one.state, {"a": [1, None]}, "text"),
            (one.blobs, b"\0\xff", b""),
            (one.blobs, LARGE, b"small"),
            (one.blobs, b"small", LARGE),
        ):
            with pytest.raises(KeyError):
                kept.get("k")
            assert kept.get("k", 7) == 7
            assert kept.set("k", first) is None
            assert kept.set("k", second) == first
            assert kept.get("k") == second
            kept.set("k%_2", first)
            assert (kept.keys(), kept.search("%_")) == (["k", "k%_2"], ["k%_2"])
            kept.delete("k")
            kept.delete("k")
            assert kept.keys() == ["k%_2"]
            kept.delete("k%_2")
        assert (other.state.keys(), other.blobs.keys()) == ([], [])
        assert not any((tmp_path / "files").iterdir())  # a file goes with its key
        with pytest.raises(TypeError):
            one.state.set("k", object())
        with pytest.raises(TypeError):
            one.blobs.set("k", "text")


def test_large_blobs_are_files_that_are_on_disk_before_they_count(tmp_path, monkeypatch):
    synced = []
    sync = files_of_the_system.sync_path
    monkeypatch.setattr(files_of_the_system, "sync_path", lambda at: (synced.append(at), sync(at)))
    folder = tmp_path / "uploads" / "blobs"
    with closing(Journal(tmp_path / "journal.db")) as journal:
        blobs = Memory(journal, "one", KeptFiles(folder)).blobs

        def told():
            return journal.rows("SELECT length(value), file FROM plugin_blobs")

        blobs.set("k", LARGE)
        ((length, name),) = told()
        assert (length, (folder / name).read_bytes(), synced) == (0, LARGE, [folder])
        assert blobs.set("k", LARGE[1:]) == LARGE
        assert [each.name for each in folder.iterdir()] == [told()[0][1]] != [name]
        # What is not recorded leaves nothing, and what is too large is refused.
        monkeypatch.setattr(journal, "write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            blobs.set("k", LARGE)
        monkeypatch.undo()
        assert (blobs.get("k"), len(list(folder.iterdir()))) == (LARGE[1:], 1)
        monkeypatch.setattr(plugin_memory, "LARGEST", len(LARGE))
        with pytest.raises(ValueError, match="a blob may have"):
            blobs.set("k", LARGE + b"x")
        assert blobs.set("k", b"small") == LARGE[1:]
        assert not list(folder.iterdir())


def test_what_an_older_version_kept_in_the_journal_becomes_files(tmp_path):
    folder = tmp_path / "blobs"
    folder.mkdir()
    files = KeptFiles(folder)
    with closing(Journal(tmp_path / "journal.db")) as journal:
        for key, value in (("large", LARGE), ("small", b"small")):
            insert = "INSERT INTO plugin_blobs (plugin, key, value) VALUES ('one', ?, ?)"
            journal.write(insert, (key, value))
        for name in ("old", "new"):  # a process was killed before it had recorded them
            (folder / name).write_bytes(b"lost")
        os.utime(folder / "old", (0, 0))
        for _ in range(2):
            settle(journal, files)
            found = journal.rows("SELECT key, length(value), file IS NULL FROM plugin_blobs")
            assert sorted(found) == [("large", 0, 0), ("small", 5, 1)]
            blobs = Memory(journal, "one", files).blobs
            assert (blobs.get("large"), blobs.get("small")) == (LARGE, b"small")
            assert len(list(folder.iterdir())) == 2 and not (folder / "old").exists()


def test_what_another_process_removes_while_this_one_sweeps_is_no_error(tmp_path, monkeypatch):
    files = KeptFiles(tmp_path)
    name = files.add(LARGE)
    there = [tmp_path / ".gone.new", tmp_path / name]
    monkeypatch.setattr(type(tmp_path), "iterdir", lambda folder: iter(there))
    files.sweep({name})
    assert files.read(name) == LARGE


def test_a_runtime_plugin_belongs_to_its_parent(tmp_path):
    told = []
    with closing(Journal(tmp_path / "journal.db")) as journal:
        one = RuntimePlugins(journal, "one@v1", ["one"], told.append)
        other = RuntimePlugins(journal, "other@v1", ["other"])
        one.add(name="x", version="v1", href="http://h/x/")
        with pytest.raises(ValueError, match="was added by one@v1"):
            other.add(name="y", version="v1", href="http://h/x/")
        assert not other.remove("http://h/x/")
        assert (other.all(), len(one.all()), told) == ([], 1, ["http://h/x/"])
