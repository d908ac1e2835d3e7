"""An unreachable schedd makes every job unknown; these tests need no pool."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest

from asimov.errors import SchedulerUnreachableError
from asimov.scheduler.htcondor import HTCondor
from asimov.scheduler.jobs import JobDescription, Ticket
from asimov.scheduler.languages.dag_check import check_dag
from asimov.scheduler.observations import Unknown

pytestmark = pytest.mark.htcondor


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[HTCondor]:
    with socket.socket() as nobody:  # which does not listen
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        config = ConfigParser()
        config.read_dict({"condor": {"scheduler": "far", "collector": f"127.0.0.1:{port}"}})
        yield HTCondor.from_project(tmp_path, config)


def test_every_answer_of_an_unreachable_schedd_is_unknown(nobody: HTCondor) -> None:
    answers = nobody.observe([Ticket("a", 1, 0.0), Ticket("b", None, 0.0)])
    assert answers.keys() == {"a", "b"}
    for answer in answers.values():
        assert isinstance(answer, Unknown)
        assert answer.reason.startswith("the schedd far of the pool 127.0.0.1:")
        assert "\n" not in answer.reason


def test_acts_on_an_unreachable_schedd_say_which_it_is(nobody: HTCondor) -> None:
    for act in (
        lambda: nobody.submit(JobDescription("/bin/true")),
        lambda: nobody.remove(1),
        lambda: nobody.usage([1], 0.0),
        lambda: nobody.failures(1, 0.0),
        lambda: nobody.raise_requests(1, memory_mb=1),
    ):
        with pytest.raises(SchedulerUnreachableError, match="the schedd far") as caught:
            act()
        assert caught.value.hint


def test_importing_the_scheduler_loads_no_bindings() -> None:
    program = "import sys, asimov.scheduler.htcondor; assert 'htcondor2' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_the_wheel_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "htcondor2", None)
    with pytest.raises(SchedulerUnreachableError) as caught:
        HTCondor().submit(JobDescription("/bin/true"))
    assert "pip install htcondor" in str(caught.value.hint)
    answer = HTCondor().observe([Ticket("a", None, 0.0)])["a"]
    assert isinstance(answer, Unknown)


def test_an_empty_configuration_is_the_local_schedd(tmp_path: Path) -> None:
    condor = HTCondor.from_project(tmp_path, ConfigParser())
    assert (condor.connection.schedd, condor.project, condor.defaults) == (None, None, {})


def test_submit_files_that_a_script_or_an_earlier_node_may_write_need_not_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sub").mkdir()
    Path("sub/there.sub").touch()
    Path("x.dag").write_text(
        "JOB a there.sub DIR sub\nJOB b later.sub\nPARENT a CHILD b\n"
        "JOB c made.sub\nSCRIPT PRE c make.sh\nJOB d nothing.sub NOOP\n"
        "SUBMIT-DESCRIPTION shared {\n executable = /bin/true\n}\nJOB e shared\n"
        "JOB f {\n executable = /bin/true\n}\n"
    )
    check_dag(Path("x.dag"))
