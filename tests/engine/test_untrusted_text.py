"""Nothing that a job, a package or a person wrote drives the terminal of whoever looks at it.

Every text of others that a project can have holds escape sequences, control characters, turned
direction and line breaks that forge a message. Each command that shows some of it is run in a pipe
and on a terminal, and every character of the output, the log and the pages is looked at.
"""

from __future__ import annotations

import os
import pty
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.cli import main
from asimov.ledger.documents import dump
from tests.test_no_trace import commands

#: What is written has no NUL; blueprints refuse it.
EVIL = (
    "é中🦊 \x1b]0;owned\x07\x1b[5;35m\x1b[2J\x9b2J\x90q\x9c \x7f\x08 \u202eturned\u2066\u200f\u061c"
    "\u2028next\u2029\x85line\r\nerror: forged\n  forged hint\x0b\x0c\ufeff end"
)
FORGED = ("error: forged", "  forged hint", "forged hint")
#: Control characters, C1, DEL, direction, separators; line feed and tab are looked at apart.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ud800-\udfff]"
)
#: What rich writes to colour a table; the text of others has another.
COLOUR = re.compile(r"\x1b\[(?!5;35m)[0-9;]*m")


class Evil(SimpleTestPipeline):
    """A pipeline all of whose words are evil."""

    def before_config(self, dryrun: bool = False) -> None:
        print(EVIL)
        print(EVIL, file=sys.stderr)

    def build_dag(self, dryrun: bool = False) -> None:
        super().build_dag(dryrun=dryrun)
        print(EVIL)
        if not dryrun:
            rundir = Path(self.production.rundir)
            said = rundir / "said"
            said.write_text(EVIL + "\0\n" + EVIL)
            (rundir / "node.sh").write_text(f"cat {said} >&2; exit 1\n")

    def while_running(self) -> None:
        os.write(1, EVIL.encode() + b"\xff\0")

    def check_progress(self) -> Any:
        return EVIL

    def detect_completion(self) -> bool:
        return False

    def missing_outputs(self) -> list[str]:
        return [EVIL]

    def html(self) -> str:
        return f"<b>{EVIL}</b>"

    def result_pages(self) -> dict[str, str]:
        return {EVIL: "page.html"}


class Raising(SimpleTestPipeline):
    """A pipeline whose exceptions are evil."""

    def before_config(self, dryrun: bool = False) -> None:
        raise RuntimeError(f"see {EVIL}")


class Ended(Evil):
    """One that says so when it is asked whether its job is complete."""

    def detect_completion(self) -> bool:
        raise RuntimeError(EVIL)


@pytest.fixture
def evil(lab: Any) -> Any:
    """A project in which every text of others is evil."""
    for name, pipeline in (("evil", Evil), ("raising", Raising), ("ended", Ended)):
        lab.register(name, pipeline)
    own = {"comment": EVIL, "note": EVIL, "deep": {"list": [EVIL], EVIL: EVIL}}
    documents = [
        {"kind": "configuration", "remark": EVIL, "hooks": {"postmonitor": {EVIL: {"a": EVIL}}}},
        {"kind": "subject", "name": "s", "about": EVIL, "labels": [EVIL]},
        *(
            {"kind": "analysis", "event": "s", "name": name, **own, **more}
            for name, more in {
                "failed": {"pipeline": "evil", "max resurrections": 0},
                "ended": {"pipeline": "ended", "max resurrections": 0},
                "raising": {"pipeline": "raising"},
                "waits": {"pipeline": "evil", "needs": [EVIL, {f"note {EVIL}": EVIL}]},
                "labelled": {"pipeline": "evil", "labels": {EVIL: 1}, "needs": ["failed"]},
                "nowhere": {"pipeline": "evil", "template": f"none{EVIL}.ini"},
            }.items()
        ),
    ]
    path = lab.root / "evil.yaml"
    path.write_text("---\n".join(map(dump, documents)))
    lab.run("apply", "-f", path)
    lab.run("configuration", "update", "general/remark", EVIL.replace("\n", " ").replace("\r", " "))
    lab.run("manage", "build", code=1)
    lab.asimov("manage", "submit")
    for name in ("failed", "ended"):
        lab.until(name)
    lab.asimov("monitor")
    lab.run("production", "set", "s", "labelled", "--status", "wait", "--reason", EVIL)
    lab.run("review", "add", "s", "failed", "rejected", "-m", EVIL)
    return lab


SHOWN = [
    ["status"], ["status", "s"], ["status", "--json"], ["status", "--usage"],
    ["why", "s", "failed"], ["why", "s", "ended"], ["why", "s", "raising"], ["why", "s", "waits"],
    ["why", "s", "failed", "--json"], ["why", "s", "nowhere"], ["log"], ["log", "s", "failed"],
    ["log", "--json"], ["report", "status"], ["report", "graph"], ["report", "html"],
    ["report", "graph", "--format", "dot"], ["report", "graph", "--format", "json"],
    ["production", "show", "s", "failed"], ["production", "show", "s", "ended", "--json"],
    ["event", "show", "s"], ["event", "show", "s", "--json"], ["event", "show"],
    ["ledger", "show"], ["ledger", "show", "s", "failed", "--json"], ["ledger", "repair", "-n"],
    ["review", "status"], ["review", "status", "s", "failed"], ["review", "status", "--json"],
    ["configuration", "show"], ["configuration", "show", "general/remark"],
    ["configuration", "show", "--json"], ["monitor", "--dry-run"], ["monitor"],
    ["manage", "build"], ["manage", "build", "--dry-run"], ["manage", "submit", "--dry-run"],
    # What is given to a command is no less others' text: it may come from a script.
    ["status", EVIL], ["why", "s", EVIL], ["why", EVIL, "x"], ["log", EVIL],
    ["event", "show", EVIL],
    ["apply", "-f", EVIL], ["apply", "-f", "evil.yaml", "-e", EVIL], ["apply", "-p", EVIL],
    ["production", "set", "s", "failed", "-s", EVIL], ["review", "add", "s", "failed", EVIL],
    ["configuration", "show", EVIL], ["configuration", "update", "monitor/lease", EVIL],
    ["configuration", "update", f"a/{EVIL}", EVIL], ["plugins", "show", EVIL], [EVIL],
    ["--" + EVIL],
    ["plugins", "list", "--kind", EVIL], ["plugins", "new", EVIL], ["report", "html", EVIL],
    ["init", EVIL, "--scheduler", EVIL], ["--project", EVIL, "status"], ["log", "--last", EVIL],
    ["monitor", "--timeout", EVIL, "--until-idle"], ["report", "graph", "-f", EVIL],
    ["cancel", "s/failed"], ["cancel", EVIL], ["clean", "-n"], ["clean", EVIL],
    ["configuration", "site"], ["configuration", "site", EVIL],
    ["diff", "s/failed"], ["diff", "s/failed", "s/ended"], ["diff", "s/failed", EVIL],
    ["diff", "s/failed", "s/ended", "--json"],
    ["event", "create", EVIL], ["event", "delete", "s", "-n"], ["production", "create", EVIL],
    ["production", "delete", "s/failed", "-n"], ["production", "forget", "s", EVIL],
    ["ledger", "export"], ["ledger", "import", EVIL], ["ledger", "schema"],
    ["ledger", "history"], ["ledger", "history", "--diff"], ["ledger", "history", EVIL],
    ["ledger", "undo", EVIL], ["ledger", "undo", "-n"],
    ["logs", "s/failed"], ["logs", "s/ended", "--json"], ["logs", "s/failed", "--node", EVIL],
    ["manage", "results"], ["manage", "resultslinks", EVIL],
    ["mv", "s/failed", "s/other", "-n"], ["mv", "s/failed", EVIL],
    ["package", "s/failed"], ["package", EVIL, "-o", EVIL],
    ["production", "results", "s/failed"], ["production", "results", "s/failed", "--file", EVIL],
    ["project", "trust", EVIL], ["provenance", "s/failed"],
    ["provenance", "s/failed", "--format", "dot"], ["provenance", EVIL],
    ["report", "ledger"], ["report", "ledger", EVIL],
    ["rerun", "s/failed", "-n"], ["rerun", EVIL], ["review", "audit"], ["review", "audit", EVIL],
    ["rm", "s/failed", "-n"], ["rm", EVIL], ["stop"],
    ["store", "verify"], ["store", "verify", EVIL],
    ["vocabulary", "list"], ["vocabulary", "show", EVIL], ["vocabulary", "check", "evil.yaml"],
    ["vocabulary", "check", EVIL], ["vocabulary", "export"],
    ["init", "--from", EVIL, "elsewhere"], ["top", EVIL],
    ["answer", "s/failed"], ["answer", EVIL], ["answer", "s/failed", f"{EVIL}={EVIL}"],
    ["manage", "key", "--add", EVIL], ["manage", "key", "--list"],
    ["manage", "key", "--revoke", EVIL],
    ["notify", "list"], ["notify", "test", EVIL],
    ["serve", "--host", EVIL, "--port", "0"], ["serve", "--port", EVIL],
    ["serve", "--certificate", EVIL],
]  # fmt: skip
#: Commands that are not run here, each with its reason.
NOT_SHOWN = {
    "completion": "prints a script, which is the same everywhere",
    "plugins check": "runs for minutes; its text is that of what is installed",
    "project copied": "changes the project for those that follow, and shows no text of it",
    "project clone": "as 'project copied'",
    "project moved": "changes the project for those that follow, and shows no text of it",
    "project share": "changes the project for those that follow, and shows no text of it",
    "start": "starts a monitor, whose output goes to a log",
}


def test_every_command_is_shown_or_there_is_a_reason() -> None:
    shown = {
        words
        for words in commands()
        for each in SHOWN
        if each[: len(words.split())] == words.split()
    }
    assert shown.isdisjoint(NOT_SHOWN)
    assert shown | NOT_SHOWN.keys() == commands().keys()


def check(output: str, what: object) -> None:
    """Look at every character and every line of an output."""
    found = UNSAFE.search(output)
    assert not found, (what, output[max(0, found.start() - 80) : found.end() + 40])
    if isinstance(what, list) and what[0] == "logs":
        return  # it shows a job's own lines, below the name of their file
    for line in output.split("\n"):
        assert not line.startswith(FORGED), (what, line)


def test_nothing_unsafe_is_shown_anywhere(evil: Any) -> None:
    for arguments in SHOWN:
        ran = evil.asimov(*arguments)
        check(ran.out + ran.err, arguments)
        assert "Traceback" not in ran.err, ran
        assert "bug in asimov" not in ran.err, ran
        shown = on_terminal(*arguments).replace("\r\n", "\n")
        check(COLOUR.sub("", shown), arguments)
    seen = evil.asimov("why", "s", "failed").out
    assert "\\x1b]0;owned\\x07" in seen  # it is shown, as what it is
    assert "é中🦊" in seen
    check((evil.root / "logs" / "asimov.log").read_text(), "the log")
    pages = [path.read_text() for path in (evil.root / "pages").rglob("*.html")]
    assert any("owned" in page for page in pages)
    for page in pages:
        assert not UNSAFE.search(page)


def test_a_record_of_the_log_can_not_be_forged(evil: Any) -> None:
    text = (evil.root / "logs" / "asimov.log").read_text()
    assert "forged" in text
    for line in text.splitlines():
        assert line.startswith("  ") or re.match(
            r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ [A-Z]+ ", line
        )


def on_terminal(*arguments: str) -> str:
    """Run a command on a terminal, in a process of its own; return what it wrote there."""
    process, terminal = pty.fork()
    if not process:
        try:
            sys.stdout = os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", closefd=False)
            os.environ.update(TERM="xterm-256color", COLUMNS="200")
            sys.argv = ["asimov", *arguments]
            main()
        except SystemExit:
            pass
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)
    output = b"".join(_read(terminal))
    os.close(terminal)
    os.waitpid(process, 0)
    return output.decode("utf-8", "surrogateescape")


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # as Linux says that the other end is closed
            return
        if not data:
            return
        yield data
