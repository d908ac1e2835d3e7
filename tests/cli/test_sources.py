"""What commands read is a regular file or a pipe that somebody opened, and no larger than said."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from asimov.system import reading
from tests import preloaded
from tests.refusals import is_clear, refused
from tests.searching import first

SUBJECT = "kind: subject\nname: s\n"
Run = Callable[..., Any]


@pytest.fixture
def places(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return paths at which there is no regular file, or one that is too large."""
    odd = tmp_path / "odd"
    odd.mkdir()
    os.mkfifo(odd / "pipe")
    (odd / "folder").mkdir()
    with (odd / "large").open("wb") as stream:
        stream.truncate(5_000_000_000)
    (odd / "link").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as listening, monkeypatch.context() as there:
        there.chdir(odd)  # the path of a socket may not be long
        listening.bind("socket")
        there.chdir(project)
        yield {
            str(odd / "pipe"): "it is a named pipe, not a regular file",
            str(odd / "link"): "it is a named pipe, not a regular file",
            str(odd / "socket"): "it is a socket, not a regular file",
            str(odd / "folder"): "Is a directory",
            "/dev/zero": "it is a device, not a regular file",
            str(odd / "large"): "is larger than 50 MB",
        }


def test_what_is_no_file_is_refused_and_not_waited_for(
    project: Path, asimov: Run, places: dict[str, str]
) -> None:
    for path, said in places.items():
        refused(asimov, project, ["apply", "-f", path], f"error: {path}: ", said)
        refused(asimov, project, ["apply", "-f", f"file://{path}"], said)
        if said != "Is a directory":
            assert "50 MB" in asimov("apply", "-f", path).err


@pytest.mark.parametrize(
    "name", ["ledger/project.yaml", "ledger/subjects/s.yaml", ".asimov/asimov.conf"]
)
def test_files_of_the_project_are_no_others(
    name: str, project: Path, asimov: Run, places: dict[str, str]
) -> None:
    file = project / name
    for place, said in places.items():
        file.unlink(missing_ok=True)
        file.symlink_to(place)
        ran = asimov("status")
        assert "bug in asimov" not in ran.err
        if "conf" in name and "large" not in place:  # then it is no project
            assert "restore .asimov/asimov.conf" in ran.err
        else:
            assert f"{name}: " in ran.err
            assert said in ran.err
        assert ran.code == (0 if "subjects" in name else 1)


def test_a_template_is_a_file(project: Path, asimov: Run, places: dict[str, str]) -> None:
    text = SUBJECT + "".join(
        f"---\nkind: analysis\nname: a{i}\nsubject: s\npipeline: command\nexecutable: 'true'\n"
        f"outputs: {{out: job.out}}\ntemplate: {path}\n"
        for i, path in enumerate(places)
    )
    (project / "b.yaml").write_text(text)
    shared = Path(next(iter(places))).parent  # elsewhere no template may be
    assert asimov("configuration", "update", "templating/directory", shared).code == 0
    assert asimov("apply", "-f", "b.yaml").code == 0
    ran = asimov("manage", "build")
    assert f"{len(places)} failed" in ran.out, ran
    assert "is larger than 50 MB" in ran.out


def shell(project: Path, command: str) -> subprocess.CompletedProcess[str]:
    asimov = f"'{sys.executable}' -m asimov"
    return subprocess.run(
        ["bash", "-c", command.replace("asimov", asimov)], cwd=project, check=False,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    first(
        3,
        [
            "asimov apply -f <(cat b.yaml)",
            "(sleep 0.3; cat b.yaml) | asimov apply -f -",
            "asimov apply -f /dev/fd/5 5< b.yaml",
            "cat b.yaml | asimov apply -f -",
            "cat b.yaml | asimov apply -f /dev/stdin",
            "asimov apply -f /dev/stdin < b.yaml",
            "asimov apply -f /proc/self/fd/5 5< <(cat b.yaml)",
        ],
    ),
)
def test_a_pipe_that_somebody_opened_is_read(command: str, project: Path) -> None:
    (project / "b.yaml").write_text(SUBJECT)
    ran = shell(project, command)
    assert (ran.returncode, ran.stdout) == (0, "add    subject s\nDone: 1 added\n"), ran


@pytest.mark.parametrize(
    "command",
    first(
        2,
        [
            "asimov apply -f - < /dev/zero",
            "asimov apply -f <(yes 'a: b')",
            "asimov apply -f /dev/stdin < /dev/zero",
            "yes 'a: b' | asimov apply -f -",
        ],
    ),
)
def test_a_pipe_without_end_is_read_up_to_the_limit(command: str, project: Path) -> None:
    ran = shell(project, command)
    assert ran.returncode == 1, ran
    assert "is larger than 50 MB" in ran.stderr
    assert ran.stderr.count("\n") == 2


class Endless(BaseHTTPRequestHandler):
    """Serves a document that has no end, and says that it is short."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 1_000_000)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_an_address_without_end_is_read_up_to_the_limit(project: Path, asimov: Run) -> None:
    server = HTTPServer(("127.0.0.1", 0), Endless)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/b.yaml"
        refused(asimov, project, ["apply", "-f", url], f"error: {url}: is larger than 50 MB")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x" * 100)
    assert len(reading.contents(file, most=100)) == 100
    with pytest.raises(reading.AsimovError, match="is larger than"):
        reading.contents(file, most=99)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"[monitor\ninterval = 1\n", "is not a configuration file"),
        (b"\xff\xfe[\0m\0", "is not UTF-8 text"),
        (b"[monitor]\ninterval = %(x)s\n", "should be a number from 0 to 1e+15"),
        (b"[monitor]\ninterval\n", "is not a configuration file"),
        (b"[a]\nb = 1\nb = 2\n", "a section contains an option twice"),
        (b"\0\0\0\0", "is not a configuration file"),
        (b"[scheduler]\ntype = \x1b[2j\n", "\\x1b[2j"),
        (b"[logging]\nlocation = " + b"x" * 300 + b"\n", ""),
        (b"[ledger]\nlocation = " + b"x" * 300 + b"\n", ""),
        (b"[general]\ngit_default = " + b"x" * 300 + b"\n", ""),
    ],
)
def test_a_configuration_that_somebody_has_broken(
    data: bytes, said: str, project: Path, asimov: Run
) -> None:
    (project / "b.yaml").write_text(
        f"{SUBJECT}---\nkind: analysis\nname: a\nsubject: s\npipeline: simpletestpipeline\n"
    )
    assert asimov("apply", "-f", "b.yaml").code == 0
    file = project / ".asimov" / "asimov.conf"
    kept = file.read_bytes()
    own = b"[project]\nname = p\nid = p-1\n"
    for content in (data, own + data, kept + b"\n" + data):
        file.write_bytes(content)
        errors = ""
        for command in (["status"], ["monitor"], ["manage", "build"], ["monitor", "--until-idle"]):
            ran = asimov(*command)
            assert "bug in asimov" not in ran.err, ran
            errors += ran.err
        if content == data:
            assert said in errors or "has lost content: [project] name is missing" in errors
        elif content == own + data or b"[" not in data.split(b"\n", 1)[0]:
            assert said in errors
    file.write_bytes(kept)


def test_arguments_that_are_no_text(project: Path) -> None:
    (project / "b.yaml").write_text(
        f"{SUBJECT}---\nkind: analysis\nname: a\nsubject: s\npipeline: command\n"
    )
    assert shell(project, "asimov apply -f b.yaml").returncode == 0
    odd = os.fsdecode(b"\xff\x1b")
    for command in (
        f"asimov status {odd}", f"asimov why s {odd}", f"asimov log {odd}", f"asimov log s {odd}",
        f"asimov apply -f {odd}", f"asimov apply -f b.yaml -e {odd}", f"asimov {odd}",
        f"asimov --project {odd} status", f"asimov configuration update a/b {odd}",
        f"asimov configuration show {odd}",
        f"asimov production set s a --status wait --reason {odd}", f"asimov event show {odd}",
        f"asimov review add s a approved -m {odd}", f"asimov production set s a --status {odd}",
        f"asimov report html {odd}", f"asimov report html --location {odd}",
        f"asimov init {odd} --root p", f"asimov plugins new {odd}",
        f"asimov plugins show {odd}", f"asimov ledger show s {odd}",
        "asimov log", "asimov review status", "asimov status", "asimov ledger show",
    ):  # fmt: skip
        ran = preloaded.run(preloaded.ASIMOV, *command.split(" ")[1:], cwd=project)
        assert "bug in asimov" not in ran.stderr, (command, ran)
        assert "Traceback" not in ran.stderr, (command, ran)
        assert "\x1b" not in ran.stdout + ran.stderr, (command, ran)
        if ran.returncode:
            is_clear_or_usage(ran)


def is_clear_or_usage(ran: Any) -> None:
    """Judge the output of a command that refuses."""
    if ran.returncode != 2:
        is_clear(type("Ran", (), {"code": ran.returncode, "out": ran.stdout, "err": ran.stderr}))  # type: ignore[arg-type]
