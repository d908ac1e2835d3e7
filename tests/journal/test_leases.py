"""The lease: taken by one at a time, and what a holder writes after another has taken it over."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing

import pytest

from asimov.errors import EXIT_BUSY
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.journal.leases import Lease, LeaseLostError, give_back, holder, take

KEY = Key("s", "a")


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".asimov" / "journal.db"


@pytest.fixture
def journal(path):
    with closing(Journal(path)) as opened:
        opened.add([(KEY, "ready", "test")], "test")
        yield opened


def lease(token, expires=1e12):
    return Lease(token, "here", "boot", 1, "2", "a test", time.time(), expires)


def alive(held):
    return False


def dead(held):
    return True


def test_one_that_is_held_is_not_taken_and_the_holder_is_told(journal):
    assert take(journal, lease("first"), alive) is None
    assert take(journal, lease("second"), alive).token == "first"
    assert holder(journal).token == "first"


def test_one_of_a_dead_holder_is_taken_over_whole(journal):
    take(journal, lease("first"), alive)
    second = lease("second", expires=5.0)
    assert take(journal, second, dead) is None
    assert holder(journal) == second


def test_only_its_own_holder_gives_a_lease_back(journal):
    take(journal, lease("first"), alive)
    give_back(journal, "second")
    assert holder(journal).token == "first"
    give_back(journal, "first")
    assert holder(journal) is None


def test_of_many_who_ask_at_once_one_gets_it(path, journal):
    program = (
        "import sys; from pathlib import Path; from asimov.journal.journal import Journal\n"
        "from asimov.journal.leases import Lease, take\n"
        "new = Lease(sys.argv[2], 'here', 'boot', 1, '2', 'a test', 0.0, 1e12)\n"
        "print(take(Journal(Path(sys.argv[1])), new, lambda held: False) is None)\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path), str(number)], stdout=subprocess.PIPE
        )
        for number in range(4)
    ]
    said = [process.communicate()[0].strip() for process in started]
    assert sorted(said) == [b"False", b"False", b"False", b"True"]


WRITES = {
    "set_status": lambda journal: journal.set_status(KEY, "ready", "wait", "ada", None),
    "observed": lambda journal: journal.observed([(KEY, "idle", None, None)]),
    "intend": lambda journal: journal.intend(KEY, "new", "run", "local"),
    "submitted": lambda journal: journal.submitted("uid", 7, []),
    "ended": lambda journal: journal.ended(
        "uid", "ended", exit_code=0, evidence="queue", reason=None
    ),
    "note": lambda journal: journal.note(KEY, "ada", "note", "so"),
    "set_facts": lambda journal: journal.set_facts(KEY, {"x": 1}),
    "add": lambda journal: journal.add([(("s", "b"), "ready", "test")], "test"),
    "set_property": lambda journal: journal.set_property("x", "y"),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("given_back", [False, True])
def test_one_that_was_taken_over_writes_nothing_more(path, journal, write, given_back):
    journal.intend(KEY, "uid", "run", "local")
    take(journal, lease("first"), alive)
    journal.fence = "first"
    with closing(Journal(path)) as other:
        take(other, lease("second"), dead)
        if given_back:
            give_back(other, "second")
        before = list(other._db.iterdump())
        with pytest.raises(LeaseLostError, match="has taken over this project") as told:
            WRITES[write](journal)
        assert list(other._db.iterdump()) == before
    assert told.value.exit_code == EXIT_BUSY
    with pytest.raises(LeaseLostError):
        journal.check_fence()
    journal.fence = None
    WRITES[write](journal)


def test_its_holder_writes_as_it_did(journal):
    take(journal, lease("first"), alive)
    journal.fence = "first"
    for write in WRITES.values():
        write(journal)
    journal.check_fence()
    assert journal.record(KEY).status == "wait"
