"""Credentials that a schedd refuses: real tokens that expire, on a pool of the tests' own."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.htcondor.own_pool import OwnPool, Project, started, until
from tests.htcondor.test_outages import let_go, waiting

pytestmark = pytest.mark.htcondor

#: What the refusal of an expired token reads like.
REFUSED = "refuses your credentials: get a new token, as with 'condor_token_fetch'"


@pytest.fixture(scope="module")
def own_pool() -> Iterator[OwnPool]:
    """A pool whose schedd accepts tokens of the key ISSUER as well."""
    with started() as pool:
        key = pool.folder / "passwords.d" / "ISSUER"
        key.write_text(secrets.token_hex(32))
        key.chmod(0o600)
        mapfile = pool.folder / "mapfile"
        mapfile.write_text(mapfile.read_text() + "IDTOKENS (.*) \\1\n")
        pool.configure(
            "tokens",
            f"SEC_DEFAULT_AUTHENTICATION_METHODS = FS, IDTOKENS\nSEC_TOKEN_ISSUER_KEY = ISSUER\n"
            f"SEC_TOKEN_POOL_SIGNING_KEY_FILE = {key}\n",
        )
        yield pool


class Holder:
    """A user whose only credential is a token in a folder."""

    def __init__(self, pool: OwnPool, folder: Path) -> None:
        self.pool = pool
        self.tokens = folder / "tokens"
        self.tokens.mkdir()
        # A client that may read the pool's keys would make a token for itself.
        self.environment = {
            "_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS": "IDTOKENS",
            "_CONDOR_SEC_TOKEN_DIRECTORY": str(self.tokens),
            "_CONDOR_SEC_TOKEN_SYSTEM_DIRECTORY": str(self.tokens),
            "_CONDOR_SEC_PASSWORD_DIRECTORY": str(folder / "none"),
            "_CONDOR_SEC_TOKEN_POOL_SIGNING_KEY_FILE": str(folder / "none" / "POOL"),
        }
        name = pool.tool("condor_ping", "-type", "schedd", "-table", "WRITE").split()
        self.identity = next(word for word in name if word.endswith("@localpool"))

    def get(self, seconds: int) -> None:
        """Get a token that is valid for some seconds."""
        made = self.pool.tool(
            "condor_token_create", "-key", "ISSUER", "-identity", self.identity,
            "-lifetime", str(seconds),
        )  # fmt: skip
        new = self.tokens / ".new"
        new.write_text(made)
        new.chmod(0o600)
        new.replace(self.tokens / "token")

    def accepted(self) -> bool:
        """Return whether the schedd accepts the token."""
        environment = self.pool.environment
        self.pool.environment = {**environment, **self.environment}
        try:
            return self.pool.answers()
        finally:
            self.pool.environment = environment


@pytest.fixture
def project(own_pool: OwnPool, tmp_path: Path) -> Iterator[Project]:
    root = tmp_path / "project"
    root.mkdir()
    made = Project(root, own_pool)
    made.run("configuration", "update", "condor/query interval", "0")
    yield made
    made.end()


@pytest.fixture
def holder(own_pool: OwnPool, tmp_path: Path) -> Holder:
    return Holder(own_pool, tmp_path)


def recorded(project: Project) -> list[list[tuple[object, ...]]]:
    """Return all that the journal says of analyses."""
    with closing(sqlite3.connect(project.root / ".asimov" / "journal.db")) as journal:
        tables = ("analyses", "attempts", "events", "facts", "builds")
        there = {name for (name,) in journal.execute("SELECT name FROM sqlite_master")}
        assert {"attempts", "events"} <= there
        return [list(journal.execute(f"SELECT * FROM {name}")) for name in tables if name in there]


def test_a_pass_with_an_expired_token_changes_nothing_and_the_next_goes_on(
    project: Project, holder: Holder
) -> None:
    holder.get(600)
    project.apply(waiting("job"))
    project.run("monitor", "--chain", **holder.environment)
    until(
        lambda: project.run("monitor", **holder.environment) and project.rows()["job"]["job_state"],
        lambda state: state == "running",
    )
    project.apply(waiting("later"))
    holder.get(1)
    until(lambda: not holder.accepted())
    let_go(project, "job")
    log = project.root / "working" / "s" / "job" / "job.log"
    until(lambda: "Job terminated" in log.read_text())
    before = recorded(project)
    for command in (["monitor"], ["monitor", "--chain"], ["monitor", "--chain", "--dry-run"]):
        told = project.run(*command, code=5, **holder.environment).out
        (line,) = [each for each in told.splitlines() if "refuses" in each]
        assert REFUSED in line
    assert recorded(project) == before
    watch = project.begin("monitor", "--watch", "--chain", "--interval", "1", **holder.environment)
    told_by = project.root / "told.out"
    until(lambda: REFUSED in told_by.read_text())
    assert recorded(project) == before
    let_go(project, "later")
    holder.get(600)
    until(lambda: set(project.states().values()) == {"uploaded"})
    watch.terminate()
    assert told_by.read_text().count("refuses your credentials") == 1
    for name in ("job", "later"):
        assert len(project.attempts(name)) == 1


def test_nothing_is_begun_where_no_method_of_authentication_is_shared(project: Project) -> None:
    project.apply(waiting("job"))
    project.run("manage", "build")
    before = recorded(project)
    with_none = {"_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS": "KERBEROS"}
    for command in (["manage", "submit"], ["monitor", "--chain"]):
        told = project.run(*command, code=5, **with_none).out
        (line,) = [each for each in told.splitlines() if "refuses your" in each]
        assert "No auth methods" in line
    assert recorded(project) == before


def test_a_job_whose_tokens_can_not_be_made_is_not_submitted(project: Project) -> None:
    """This pool has no credd; ``condor_submit`` refuses such a job too, the bindings do not."""
    project.apply(
        waiting("job").replace("outputs:", "scheduler: {use_oauth_services: igwn}\noutputs:")
    )
    told = project.run("manage", "build", "submit", code=5).out
    assert "the job requests tokens of igwn, which are not available: Can't find address" in told
    assert project.pool.clusters(project.name) == []
    assert project.states() == {"job": "ready"}


def test_a_kerberos_credential_is_made_for_a_job_that_asks_for_it(
    project: Project, tmp_path: Path
) -> None:
    """The program that makes it runs; without a credd here, it can't be handed on."""
    producer, ran = tmp_path / "producer", tmp_path / "ran"
    producer.write_text(f"#!/bin/sh\necho ran >> {ran}\necho ticket\n")
    producer.chmod(0o755)
    with_producer = {"_CONDOR_SEC_CREDENTIAL_PRODUCER": str(producer)}
    project.apply(waiting("job"))
    project.run("manage", "build")
    project.run("manage", "submit", **with_producer)
    assert not ran.exists()  # it did not ask
    let_go(project, "job")
    asking = waiting("asking").replace("outputs:", "scheduler: {MY.SendCredential: true}\noutputs:")
    project.apply(asking)
    told = project.run("manage", "build", "submit", code=5, **with_producer).out
    assert "asking: command.submit_dag raised" not in told
    assert "the job requests your Kerberos credentials, which are not available: Can't find" in told
    assert ran.read_text() == "ran\n"
    assert project.states()["asking"] == "ready"
    project.run("manage", "submit")  # where no program is configured, the pool needs none
    assert project.states()["asking"] == "running"
    let_go(project, "asking")
