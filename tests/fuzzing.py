"""Applies mutants of blueprints in a process of its own, which may die, hang or fill the memory.

This file is also the program: it reads the path of a mutant a line, and answers with a JSON object:
``outcome`` (refused, accepted) and ``faults``, a list of what must not be.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import random
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "ledger-examples" / "quickstart"
#: What one file may take: seconds of the processor, and bytes of memory.
SECONDS, MEMORY = 2, 200_000_000
#: How often a mutant may be slow before it counts: another process may have had the processor.
TRIES = 3
#: Of so many mutants one goes through the whole command line, and is built in earnest.
WHOLE = 25


class Worker:
    """The process that applies mutants in a project."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._start()

    def _start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__], cwd=self._project,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def apply(self, mutant: bytes, *, whole: bool, update: bool) -> dict[str, Any]:
        """Apply a mutant; return its outcome and faults."""
        assert self.process.stdin and self.process.stdout
        (self._project / "mutant.yaml").write_bytes(mutant)
        self.process.stdin.write(json.dumps({"whole": whole, "update": update}) + "\n")
        self.process.stdin.flush()
        # The worker's own limit is of the processor's time; this one is for a wait without end.
        if not select.select([self.process.stdout], [], [], 300)[0]:
            self.restart()
            return {"outcome": "hung", "faults": ["no answer after 300 s"]}
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.restart()
            return {"outcome": "died", "faults": [f"the process ended with {code}"]}
        told: dict[str, Any] = json.loads(line)
        if told["faults"]:
            self.restart()
        return told

    def restart(self) -> None:
        """Begin again in a project as it was at first."""
        self.close()
        restore(self._project)
        self._start()

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def make_project(folder: Path) -> None:
    """Make the project that mutants are applied to: that of the example, without analyses."""
    shutil.copytree(EXAMPLE, folder)
    command = [sys.executable, "-m", "asimov"]
    for arguments in (
        ["init", "fuzz", "--scheduler", "local"],
        ["apply", "-f", "blueprints/subjects.yaml", "-f", "blueprints/project.yaml"],
    ):
        subprocess.run([*command, *arguments], cwd=folder, check=True, capture_output=True)
    shutil.copytree(folder, folder.with_name("kept"), symlinks=True)


def restore(folder: Path) -> None:
    """Put the project back as it was at first."""
    kept = folder.with_name("kept")
    shutil.rmtree(folder / "ledger")
    shutil.copytree(kept / "ledger", folder / "ledger")
    state = folder / ".asimov"
    for path in state.iterdir():
        if path.name != "here":  # by which the project is told from copies of it
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(
        kept / ".asimov", state, dirs_exist_ok=True, ignore=shutil.ignore_patterns("here")
    )
    for name in ("checkouts", "working", "mutant.yaml"):
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)


# --- in the worker


class TooSlowError(BaseException):
    """A mutant took more than its time."""


class Watched:
    """Sees which paths are written to, by an audit hook."""

    def __init__(self, project: Path) -> None:
        self._inside = (
            f"{project}{os.sep}",
            "/dev/null",
            f"{tempfile.gettempdir()}/asimov-",
            f"{tempfile.gettempdir()}/tmp",
        )
        self.outside: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        paths: list[Any] = []
        if event == "open":
            path, _, flags = arguments
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
                paths = [path]
        elif event in {"os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.truncate"}:
            paths = [arguments[0]]
        elif event in {"os.rename", "os.link", "os.symlink", "shutil.move", "shutil.copyfile"}:
            paths = list(arguments[:2]) if event != "shutil.copyfile" else [arguments[1]]
        for path in paths:
            if isinstance(path, (str, bytes, os.PathLike)):
                whole = os.path.normpath(Path.cwd() / os.fsdecode(path))
                if not whole.startswith(self._inside) and whole != tempfile.gettempdir():
                    self.outside.append(f"{event} {whole}")


@contextlib.contextmanager
def printed() -> Iterator[io.StringIO]:
    """Take what is printed."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        yield text


def unclear(error: Any) -> list[str]:
    """Say what is not as it should be with an error for people."""
    from asimov.text import line

    faults = []
    told = line(str(error))
    if not str(error.message).strip():
        faults.append("an empty message")
    if "\n" in str(error) or len(told) > 1500:
        faults.append(f"more than one line: {told[:3000]}")
    if "Traceback" in told or "bug in asimov" in told:
        faults.append(told)
    return faults


class Applying:
    """Applies what the file holds, checks what came of it, and puts the project back."""

    def __init__(self, project: Path) -> None:
        from asimov.ledger import store
        from asimov.plugins.declarations import planner
        from asimov.project.workspace import Workspace

        store._TICK_NS = 0  # nobody edits the ledger by hand meanwhile
        self.project = project
        self.planner = planner
        self.workspace = Workspace.open(project)
        self.kept = self.texts()
        self.workspace.adopt()

    def texts(self) -> dict[str, bytes]:
        ledger = self.project / "ledger"
        return {str(path): path.read_bytes() for path in sorted(ledger.rglob("*.yaml"))}

    def put_back(self) -> None:
        for path in set(self.texts()) - set(self.kept):
            Path(path).unlink()
        for path, data in self.kept.items():
            if Path(path).read_bytes() != data:
                Path(path).write_bytes(data)
        journal = self.workspace.journal
        for table in ("analyses", "attempts", "events", "facts", "builds", "changes", "documents"):
            with contextlib.suppress(Exception):
                journal.write(f"DELETE FROM {table}")
        self.workspace.reload()
        self.workspace.adopt()

    def in_parts(self, *, update: bool) -> tuple[str, list[str]]:
        """Apply, build and list by the functions that the commands call."""
        from asimov.engine import build
        from asimov.engine.graph import graph
        from asimov.engine.status import rows
        from asimov.errors import AsimovError
        from asimov.ledger import blueprints
        from asimov.ledger.append import new_texts
        from asimov.report import graph_formats

        try:
            documents = blueprints.read(["mutant.yaml"])
            plan = self.planner(self.workspace, "nile", update).add(documents)
        except AsimovError as error:
            return "refused", unclear(error)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            return "accepted", self._accepted(plan, new_texts, build, rows, graph, graph_formats)
        finally:
            self.put_back()

    def _accepted(
        self, plan: Any, new_texts: Any, build: Any, rows: Any, graph: Any, graph_formats: Any
    ) -> list[str]:
        from asimov.cli.terminal.output import show, show_json
        from asimov.errors import AsimovError
        from asimov.ledger.documents import dump

        faults: list[str] = []
        try:
            texts = new_texts(self.workspace.files, plan.files)
            with self.workspace.files.writing(texts.after, plan.files):
                pass
            new = [(key, status, "added by asimov apply") for key, status in plan.added.items()]
            self.workspace.journal.add(new, "apply")
            self.workspace.reload()
        except AsimovError as error:
            return [f"planned, and not written: {error}"]
        contents = self.workspace.contents
        faults += [f"written, and not readable: {each}" for each in contents.broken.values()]
        for path, data in plan.files.items():
            text = self.workspace.files.text(path)
            if text is not None and len(text) > 5_000_000:
                faults.append(f"{path} has {len(text)} bytes")
            read = contents.project if path == "project.yaml" else contents.subjects.get(path[9:-5])
            if not path.startswith("analyses/") and repr(read) != repr(data):
                faults.append(f"{path} is read back otherwise: {dump(data)[:500]}")
        try:
            result = build.build(self.workspace, list(plan.added)[:20], print, dry_run=True)
            for error in result.failed.values():
                faults += unclear(error)
            show_json([row.as_json() for row in rows(self.workspace, list(contents.entries)[:20])])
            show("\n".join(graph_formats.as_text(graph(self.workspace))))
            for key in list(plan.added)[:3]:
                show_json(self.workspace.settings(key))
                show(dump(self.workspace.settings(key)))
        except AsimovError as error:
            faults += unclear(error)
        return faults

    def by_commands(self, *, update: bool) -> tuple[str, list[str]]:
        """Apply, build and list by the commands themselves."""
        self.workspace.journal.close()
        try:
            code, said = command(
                "apply", "-f", "mutant.yaml", "-e", "nile", *(["--update"] if update else [])
            )
            faults = [] if said.count("error:") <= 1 else [said[:2000]]
            if "bug in asimov" in said or "Traceback" in said:
                return "fault", [said[:3000]]
            if code:
                if not 1 <= said.strip().count("\n") + 1 <= 12:
                    faults.append(said[:2000])
                if self.texts() != self.kept:
                    faults.append(f"refused, and the ledger was changed: {said[:500]}")
                return "refused", faults
            for arguments in (
                ["manage", "build", "--dry-run"], ["manage", "build"], ["status"],
                ["status", "--json"], ["ledger", "show"], ["report", "graph", "--format", "dot"],
            ):  # fmt: skip
                signal.setitimer(signal.ITIMER_PROF, SECONDS)  # each for itself: of 1,000 analyses
                _, said = command(*arguments)
                if "bug in asimov" in said or "Traceback" in said:
                    faults.append(f"{arguments}: {said[-3000:]}")
            return "accepted", faults
        finally:
            restore(self.project)
            self.__init__(self.project)  # type: ignore[misc]


def command(*arguments: str) -> tuple[int, str]:
    """Run a command; return its exit code and what it printed."""
    from asimov.cli import main

    sys.argv = ["asimov", *arguments]
    code = 0
    with printed() as text:
        try:
            main()
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
    return code, text.getvalue()


def limited(run: Callable[[], tuple[str, list[str]]]) -> tuple[str, list[str]]:
    """Run within the limits of time and memory."""

    def late(*_: Any) -> None:
        raise TooSlowError

    signal.signal(signal.SIGPROF, late)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return run()
    except TooSlowError as error:
        import traceback

        where = "".join(traceback.format_tb(error.__traceback__)[-6:])
        return "slow", [f"more than {SECONDS} s of the processor\n{where}"]
    except BaseException:
        import traceback

        return "fault", [traceback.format_exc()[-3000:]]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def work() -> None:
    """Answer until the input ends."""
    channel = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    project = Path.cwd()
    watched = Watched(project)
    applying = Applying(project)
    for request in sys.stdin:
        asked = json.loads(request)

        def run(asked: dict[str, Any] = asked) -> tuple[str, list[str]]:
            with printed():
                if asked["whole"]:
                    return applying.by_commands(update=asked["update"])
                return applying.in_parts(update=asked["update"])

        watched.outside.clear()
        start = time.process_time()
        outcome, faults = limited(run)
        took = time.process_time() - start
        if outcome == "refused" and applying.texts() != applying.kept:
            faults.append("refused, and the ledger was changed")
        faults += [f"written outside the project: {each}" for each in watched.outside]
        if faults:
            gc.collect()
        json.dump({"outcome": outcome, "faults": faults, "took": took}, channel)
        channel.write("\n")
        channel.flush()


#: How many mutants are tried however slow the machine is.
LEAST = 100


def fuzz(
    folder: Path, seed: int, count: int, seconds: float, enough: int = 5
) -> tuple[dict[str, int], list[tuple[bytes, list[str]]]]:
    """Apply mutants; return how many came to what, and those that had faults.

    Parameters
    ----------
    folder
        Where the project is made.
    seed
        Decides what the mutants are.
    count, seconds
        So many mutants, or as many as there is time for.
    enough
        As many faults are enough.
    """
    sys.path.insert(0, str(Path(__file__).parent))
    from mutating import corpus, mutant

    documents = corpus()
    make_project(folder / "project")
    worker = Worker(folder / "project")
    chance = random.Random(seed)
    outcomes: dict[str, int] = {}
    faulty: list[tuple[bytes, list[str]]] = []
    end = time.monotonic() + seconds
    try:
        for number in range(count):
            data = mutant(chance, documents)
            whole, update = number % WHOLE == 0, chance.random() < 0.5
            for _ in range(TRIES):
                told = worker.apply(data, whole=whole, update=update)
                if told["outcome"] != "slow":
                    break
            outcomes[told["outcome"]] = outcomes.get(told["outcome"], 0) + 1
            if told["faults"]:
                faulty.append((data, told["faults"]))
            if len(faulty) >= enough or (time.monotonic() > end and number + 1 >= LEAST):
                break
    finally:
        worker.close()
    return outcomes, faulty


if __name__ == "__main__":
    work()
