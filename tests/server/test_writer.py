"""The service's writer: what becomes of a request that two processes carry out."""

from __future__ import annotations

from contextlib import closing

import pytest

from asimov.journal.answered_requests import Request
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.server.api.request_bodies import Action, ApplyRequest, Rerun
from asimov.server.writer import Writer
from tests.server.conftest import made

NEW = "{kind: analysis, event: s, name: new, pipeline: command, executable: /bin/true}"
REQUEST = Request("ada", "once", "digest")


def apply(writer, **options):
    given = dict.fromkeys(("update", "iterate", "dry_run", "replace", "force"), False) | options
    return writer.apply(REQUEST, ApplyRequest(NEW, None, None, reason=None, **given))


@pytest.mark.parametrize(
    "send",
    [
        apply,
        lambda writer: apply(writer, iterate=True),
        lambda writer: writer.act(REQUEST, Action("restart", ["s/first"])),
        lambda writer: writer.act(REQUEST, Action("review", ["s/first"], status="approved")),
        lambda writer: writer.rerun(REQUEST, Rerun(["s/first"])),
    ],
    ids=["apply", "iterate", "restart", "review", "rerun"],
)
def test_what_another_process_carries_out_meanwhile_has_that_answer(tmp_path, send, monkeypatch):
    """As when a service was killed, and its writer was still at the request that is sent again."""
    root = made(tmp_path / "project")
    earlier, later = Writer(root), Writer(root)
    first = []
    look = later._answered

    def seen_too_early(request):
        found = look(request)
        if not first:
            first.append(send(earlier))
        return found

    monkeypatch.setattr(later, "_answered", seen_too_early)
    assert send(later) == first[0]
    assert send(Writer(root)) == first[0]
    assert first[0].status == 200
    workspace = Workspace.open(root)
    with closing(workspace.journal) as journal:
        assert journal.rows("SELECT count(*) FROM answered_requests") == [(1,)]
        done = [each for each in journal.events("s") if each.actor == "key ada"]
        review = workspace.settings(Key("s", "first")).get("review") or {"messages": ()}
    assert len([each for each in done if each.kind == "state"]) <= 1
    assert len(review["messages"]) <= 1
    assert not [name for _, name in workspace.contents.entries if name.startswith("new-")]
