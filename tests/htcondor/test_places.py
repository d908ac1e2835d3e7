"""The place of a scheduler: which schedd it is, and finding it from another machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from asimov.errors import AsimovError, SchedulerUnreachableError
from asimov.scheduler.htcondor import HTCondor, connection
from asimov.scheduler.htcondor.connection import Connection
from asimov.scheduler.jobs import JobDescription, Tag, Ticket
from asimov.scheduler.observations import Present, Unknown

pytestmark = pytest.mark.htcondor


def _said(command: str, *arguments: str) -> str:
    done = subprocess.run([command, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()[0].strip()


@pytest.fixture
def name(pool: None) -> str:
    return _said("condor_status", "-schedd", "-af", "Name")


@pytest.fixture
def collector(pool: None) -> str:
    return _said("condor_config_val", "COLLECTOR_HOST")


@pytest.fixture
def nowhere() -> Iterator[str]:
    with socket.socket() as nobody:  # which does not listen
        nobody.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{nobody.getsockname()[1]}"


def test_the_place_of_the_local_schedd_is_its_name_without_asking_anybody(
    name: str, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import htcondor2

    own = htcondor2.param.get("COLLECTOR_HOST")
    monkeypatch.setitem(htcondor2.param, "COLLECTOR_HOST", nowhere)
    monkeypatch.delattr(htcondor2, "Collector")
    assert HTCondor().place == name
    monkeypatch.undo()
    assert htcondor2.param.get("COLLECTOR_HOST") == own


def test_a_place_says_schedd_and_collector_as_they_are_configured(nowhere: str) -> None:
    assert HTCondor(Connection("far@there")).place == "far@there"
    far = HTCondor(Connection("far@there", nowhere))
    assert far.place == f"far@there -pool {nowhere}"
    assert far.at(far.place) is far and far.at("") is far
    # Which schedd it means can't be said without asking.
    assert HTCondor(Connection(None, nowhere)).place == ""


def test_a_place_leads_back_to_its_schedd_with_the_same_defaults(
    name: str, collector: str, tmp_path: Path
) -> None:
    config = ConfigParser()
    config.read_dict({"project": {"id": "p"}, "condor": {"accounting group": "g"}})
    here = HTCondor.from_project(tmp_path, config)
    there = here.at(f"far@there -pool {collector}")
    assert there.connection == Connection("far@there", collector)
    assert (there.defaults, there.project) == (here.defaults, "p")
    assert there.at(name).connection == Connection()
    assert HTCondor(Connection("far@there")).at(name).connection == Connection()


@pytest.mark.parametrize("with_collector", [True, False])
def test_a_job_is_found_at_the_place_where_it_was_submitted(
    condor: HTCondor, project: str, name: str, collector: str, with_collector: bool
) -> None:
    uid = f"placed-{with_collector}-{project}"
    named = HTCondor(Connection(name, collector if with_collector else None), {}, project)
    with named.tagged(Tag(project, "subject/placed", uid)):
        number = named.submit(JobDescription("/bin/true", requirements="false"))
    ticket = Ticket(uid, number, 0.0)
    elsewhere = HTCondor(Connection("far@there"), {}, project)
    assert isinstance(elsewhere.observe([ticket])[uid], Unknown)
    found = elsewhere.at(named.place).observe([ticket])[uid]
    assert isinstance(found, Present) and found.job_id == number
    condor.remove(number)


def test_a_schedd_that_the_collector_does_not_know_is_no_empty_queue(condor: HTCondor) -> None:
    strange = HTCondor(Connection("nobody@nowhere"), {}, condor.project)
    answer = strange.observe([Ticket("a", 1, 0.0)])["a"]
    assert isinstance(answer, Unknown)
    assert answer.reason == (
        "the schedd nobody@nowhere can't be reached: the collector knows no schedd of that name"
    )
    for act in (
        strange.queued,
        lambda: strange.usage([1], 0.0),
        lambda: strange.submit(JobDescription("/bin/true")),
        lambda: strange.remove(1),
    ):
        with pytest.raises(SchedulerUnreachableError, match="knows no schedd of that name"):
            act()
    assert strange.explain(1) == [answer.reason]


def test_a_collector_alone_means_its_only_schedd(
    condor: HTCondor, collector: str, name: str
) -> None:
    assert Connection(None, collector).location()["Name"] == name


@pytest.mark.parametrize(("names", "means"), [("a b", None), ("a local", "local"), ("", None)])
def test_of_several_schedds_a_collector_alone_means_this_machines(
    names: str, means: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import htcondor2

    class Collector:
        def __init__(self, pool: str) -> None:
            pass

        def locateAll(self, kind: Any) -> list[dict[str, str]]:  # noqa: N802
            return [{"Name": each} for each in names.split()]

    monkeypatch.setattr(htcondor2, "Collector", Collector)
    monkeypatch.setattr(connection, "local_schedd", lambda: "local")
    if means:
        assert Connection(None, "there").location() == {"Name": means}
    else:
        with pytest.raises(SchedulerUnreachableError, match=r"knows \d schedds"):
            Connection(None, "there").location()


def test_where_the_schedds_file_is_missing_its_place_is_not_known(
    pool: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import htcondor2

    for file in ("", str(tmp_path), str(tmp_path / "missing")):
        monkeypatch.setitem(htcondor2.param, "SCHEDD_DAEMON_AD_FILE", file)
        assert HTCondor().place == ""
    (tmp_path / "ad").write_text('AddressV1 = "x"\nName = "s@h"\n')
    monkeypatch.setitem(htcondor2.param, "SCHEDD_DAEMON_AD_FILE", str(tmp_path / "ad"))
    assert HTCondor().place == "s@h"
    monkeypatch.setitem(htcondor2.param, "SCHEDD_HOST", "far@there")
    assert HTCondor().place == "far@there"


def test_without_the_wheel_there_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "htcondor2", None)
    assert HTCondor().place == ""


def test_the_interval_between_queries_is_a_minute_unless_configured(tmp_path: Path) -> None:
    assert HTCondor().shortest_interval == 60
    config = ConfigParser()
    config.read_dict({"condor": {"query interval": "5"}})
    assert HTCondor.from_project(tmp_path, config).shortest_interval == 5
    config.read_dict({"condor": {"query interval": "often"}})
    with pytest.raises(AsimovError, match="should be a number"):
        HTCondor.from_project(tmp_path, config)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_user_without_rights_is_told_so_in_one_line(
    condor: HTCondor, project: str, tmp_path: Path
) -> None:
    uid = "rights-" + project
    with condor.tagged(Tag(project, "subject/rights", uid)):
        number = condor.submit(JobDescription("/bin/true", requirements="false", memory=77))
    program = f"""
import os
from asimov.errors import SchedulerError
from asimov.scheduler.htcondor import HTCondor
from asimov.scheduler.htcondor.connection import Connection
condor = HTCondor()
condor.connection.locate()
Connection.forget = lambda self: None  # the stranger need not be able to read the configuration
os.setgid(65534)
os.setuid(65534)
for act in (condor.remove, condor.hold, lambda job: condor.raise_requests(job, memory_mb=5)):
    try:
        act({number})
    except SchedulerError as error:
        print(type(error).__name__, str(error), sep=": ")
print(condor.connection.queue("ClusterId == {number}", ["RequestMemory"])[0]["RequestMemory"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    start = "SchedulerError: the local schedd: "
    assert done.stdout.splitlines() == [
        f"{start}remove of job {number} was refused: permission denied",
        f"{start}hold of job {number} was refused: permission denied",
        f"{start}setting RequestMemory of job {number} to 5 was refused: "
        "Unable to edit jobs matching constraint",
        "77",
    ]
    condor.remove(number)
