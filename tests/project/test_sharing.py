"""Two users act in one project, and what of that asimov does by itself."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from asimov.project import sharing
from asimov.project.layout import find
from asimov.system.files import write_atomically
from tests.conftest import Ran, open_folder
from tests.refusals import is_clear

ADA, BEN, GROUP = 61001, 61002, 61000
BLUEPRINT = """
{{kind: subject, name: {subject}}}
---
{{kind: analysis, event: {subject}, name: a, pipeline: command, executable: /bin/sh,
 outputs: {{o: o}}, arguments: [-c, ": > o"]}}
"""


class People:
    """Two users of one group, each with a home folder; neither may do what root may."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.root = top / "project"

    def run(self, user: int, *argv: object, code: int = 0, umask: str = "022") -> Ran:
        home = self.top / f"home-{user}"
        if not home.exists():
            home.mkdir()
            os.chown(home, user, user)
        who = ["setpriv", f"--reuid={user}", f"--regid={user}", f"--groups={GROUP}"]
        if not can_read_python():
            who += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
        asimov = [sys.executable, "-B", "-m", "asimov", *map(str, argv)]
        done = subprocess.run(
            [*who, "/bin/sh", "-c", f'umask {umask}; exec "$@"', "sh", *asimov],
            cwd=self.root, capture_output=True, text=True, check=False, timeout=300,
            env={**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": f"{home}/.config",
                 "GIT_CONFIG_GLOBAL": f"{home}/.gitconfig"},
        )  # fmt: skip
        ran = Ran(done.returncode, done.stdout, done.stderr)
        assert ran.code == code, str(ran)
        return ran

    def apply(self, user: int, subject: str) -> None:
        path = self.top / f"{subject}.yaml"
        path.write_text(BLUEPRINT.format(subject=subject))
        self.run(user, "apply", "-f", path)

    def states(self, user: int) -> dict[str, str]:
        told = json.loads(self.run(user, "status", "--json").out)
        return {row["subject"]: row["status"] for row in told}


@cache
def can_read_python() -> bool:
    asked = ["setpriv", f"--reuid={ADA}", "--clear-groups", sys.executable, "-c"]
    asked.append("import asimov, os, sys; os.stat(sys.executable)")
    return not subprocess.run(asked, check=False, capture_output=True).returncode


@pytest.fixture
def people() -> Iterator[People]:
    if os.getuid() or not shutil.which("setpriv"):
        pytest.skip("other users' rights can only be had as root")
    with open_folder() as top:
        made = People(top)
        made.root.mkdir()
        os.chown(made.root, ADA, GROUP)
        yield made


def finish(people: People, user: int) -> None:
    until = ("--until-idle", "--interval", "0.1", "--timeout", "300")
    people.run(user, "monitor", "--chain", *until)


def test_two_users_act_in_turn_in_a_shared_project(people: People) -> None:
    people.run(ADA, "init", "Ours", "--scheduler", "local", "--shared", "--group", GROUP)
    people.run(ADA, "project", "trust", ADA)
    people.run(BEN, "project", "trust", ADA)
    people.apply(BEN, "first")
    people.apply(ADA, "second")
    people.run(BEN, "manage", "build")  # who makes the repository
    people.apply(ADA, "third")
    people.run(ADA, "manage", "build", "submit")
    finish(people, BEN)
    people.apply(BEN, "fourth")
    finish(people, BEN)
    people.run(ADA, "production", "set", "fourth", "a", "--status", "restart")
    finish(people, ADA)
    people.run(BEN, "review", "add", "first", "a", "approved")
    assert set(people.states(ADA).values()) == {"uploaded"}
    people.run(BEN, "configuration", "update", "monitor/interval", "5")
    people.run(ADA, "configuration", "update", "monitor/interval", "6")
    # Whatever they have made, the other one may change.
    assert not [path for path in people.root.rglob("*") if is_private(path)]


def is_private(path: Path) -> bool:
    """Return whether a file of a shared project can be changed by its owner alone."""
    if "objects" in path.parts or path.name == "here":  # those of git never change
        return False
    try:
        found = path.lstat()
    except FileNotFoundError:  # the local queue's runner removes files when it ends
        return False
    if stat.S_ISLNK(found.st_mode):
        return False
    changes = found.st_mode & (stat.S_IWUSR | stat.S_IWGRP)  # stored files never do
    return bool(changes) and not (found.st_gid == GROUP and found.st_mode & stat.S_IWGRP)


@pytest.mark.long
def test_without_trust_git_s_refusal_says_what_to_do(people: People) -> None:
    people.run(ADA, "init", "Ours", "--scheduler", "local", "--shared", "--group", GROUP)
    people.apply(ADA, "first")
    people.run(ADA, "manage", "build")
    people.apply(BEN, "second")
    ran = people.run(BEN, "manage", "build", code=1)
    assert f"git refuses to use it, because it belongs to {ADA}" in ran.out
    assert "asimov project trust" in ran.out
    people.run(BEN, "project", "trust", ADA)
    people.run(BEN, "manage", "build")


@pytest.mark.long
def test_a_project_may_be_shared_later(people: People) -> None:
    people.run(ADA, "init", "Mine", "--scheduler", "local", umask="077")
    people.apply(ADA, "first")
    people.run(ADA, "manage", "build", umask="077")
    assert people.root.joinpath(".asimov/journal.db").stat().st_mode & 0o777 == 0o600
    is_clear(people.run(BEN, "monitor", code=1), "you may not write there")
    people.run(ADA, "project", "share", "--group", GROUP)
    people.run(BEN, "project", "trust", ADA)
    people.apply(BEN, "second")
    finish(people, BEN)
    finish(people, ADA)
    assert people.states(BEN) == {"first": "uploaded", "second": "uploaded"}


def test_what_is_not_shared_is_not_for_others(people: People) -> None:
    people.run(ADA, "init", "Mine", "--scheduler", "local")
    is_clear(people.run(BEN, "monitor", code=1), "you may not write there")
    people.run(BEN, "status")
    people.run(BEN, "monitor", "--chain", "--dry-run")


# --- whose repositories are used


def test_a_group_that_there_is_not_is_told(project: Path, asimov: Callable[..., Ran]) -> None:
    ran = asimov("project", "share", "--group", "no such group")
    is_clear(ran, "there is no group 'no such group'")


def test_a_file_that_is_replaced_keeps_its_mode_and_its_group(tmp_path: Path) -> None:
    if os.getuid():
        pytest.skip("only root may give any group")
    path = tmp_path / "file"
    path.write_text("a")
    path.chmod(0o664)
    os.chown(path, -1, GROUP)
    write_atomically(path, "b")
    assert path.stat().st_gid == GROUP
    assert path.stat().st_mode & 0o777 == 0o664


# --- what a group is given


def test_what_only_its_owner_may_read_stays_so(project: Path, asimov: Callable[..., Ran]) -> None:
    proxies = [project / "x509up_u1000", project / "working" / "s" / "token"]
    proxies[1].parent.mkdir(parents=True)
    for path, mode in zip(proxies, (0o600, 0o400), strict=True):
        path.write_text("secret")
        path.chmod(mode)
    plain = project / "working" / "s" / "plain"
    plain.write_text("")
    plain.chmod(0o604)
    journal = project / ".asimov" / "journal.db"
    journal.chmod(0o600)  # as a mask of 077 has it
    ran = asimov("project", "share")
    assert ran.code == 0, ran
    assert f"2 files stay private, because only their owner may read them: {proxies[0]}" in ran.err
    assert [stat.S_IMODE(path.stat().st_mode) for path in proxies] == [0o600, 0o400]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (plain, journal)] == [0o664, 0o660]


def test_a_link_that_takes_a_file_s_name_meanwhile_is_not_followed(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    outside.chmod(0o640)
    path = project / "working" / "file"
    path.write_text("")
    path.chmod(0o640)
    number, real, swapped = path.stat().st_ino, os.fstat, []

    def looked_at(handle: int) -> os.stat_result:
        """Put a link in the file's place as soon as its mode is known."""
        status = real(handle)
        if status.st_ino == number:
            path.unlink()
            path.symlink_to(outside)
            swapped.append(path)
        return status

    shared = find(project)
    monkeypatch.setattr(os, "fstat", looked_at)
    sharing.give_to_group(shared)
    assert swapped
    assert stat.S_IMODE(outside.stat().st_mode) == 0o640
