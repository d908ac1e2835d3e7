"""How often something was tried is counted in the journal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from asimov.journal.hold_attempts import Remedies
from asimov.journal.journal import Journal


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal.db")


def test_tries_are_counted_by_process_and_class_and_last(journal, tmp_path):
    before = time.time()
    remedies = Remedies(journal, "u")
    assert (remedies.times("b.0", "memory"), remedies.last("b.0")) == (0, 0)
    remedies.count([("b.0", "memory", 512.0), ("b.1", "memory", None)])
    remedies.count([("b.0", "memory", 768.0)])
    remedies.count([("b.0", "transient", None)])
    again = Remedies(Journal(tmp_path / "journal.db"), "u")
    for each in (remedies, again):
        assert each.times("b.0", "memory") == 2
        assert each.times("b.1", "memory") == 1
        assert each.times("b.0", "transient") == 1
        assert each.last("b.0") >= before
    assert Remedies(journal, "other").times("b.0", "memory") == 0


def test_the_first_request_is_kept(journal):
    remedies = Remedies(journal, "u")
    assert remedies.first_request("b.0", "memory", 512.0) == 512
    remedies.count([("b.0", "memory", 512.0)])
    remedies.count([("b.0", "memory", 768.0)])
    assert Remedies(journal, "u").first_request("b.0", "memory", 1152.0) == 512


def test_a_try_that_was_not_made_is_taken_back(journal):
    remedies = Remedies(journal, "u")
    remedies.count([("b.0", "memory", 512.0)])
    remedies.count([("b.0", "memory", 512.0)])
    remedies.take_back([("b.0", "memory", 512.0)])
    assert Remedies(journal, "u").times("b.0", "memory") == 1


def test_a_count_outlives_a_kill(tmp_path):
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from asimov.journal.journal import Journal\n"
        "from asimov.journal.hold_attempts import Remedies\n"
        "Remedies(Journal(Path(sys.argv[1])), 'u').count([('b.0', 'memory', 1.0)])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "journal.db"
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    assert Remedies(Journal(path), "u").times("b.0", "memory") == 1
