"""Record the methods of a pipeline that a check has called, and what its submissions returned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from asimov.discovery import entrypoints
from asimov.engine import batch
from asimov.engine.attempts import Submission
from asimov.plugins import calls
from asimov.plugins.crashes import Call, CallLog
from asimov.plugins.time_limit import TimeLimit
from asimov.testing.conformance.findings import Findings


@dataclass
class Watch:
    """What was observed.

    Attributes
    ----------
    said
        The pipeline's answer to each submission.
    by_object
        The number of submissions through the scheduler object, not through a program.
    """

    findings: Findings
    said: list[Submission] = field(default_factory=list)
    by_object: int = 0


@contextmanager
def watching(findings: Findings, scheduler: str) -> Iterator[Watch]:
    """Observe every call of a pipeline's method within the block.

    Parameters
    ----------
    findings
        Takes findings about the working directory, and about methods that do not return.
    scheduler
        The name of the scheduler; its submissions are counted.
    """
    watch = Watch(findings)
    kind = entrypoints.load(entrypoints.SCHEDULERS, scheduler)
    put: list[tuple[Any, str, Any]] = []

    def replace(owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
        put.append((owner, name, getattr(owner, name)))
        setattr(owner, name, wrap(getattr(owner, name)))

    try:
        replace(calls, "contained", lambda contained: _contained(contained, findings))
        replace(batch, "perform", lambda perform: _performed(perform, watch))
        if isinstance(kind, type):
            for name in ("submit", "submit_dag"):
                replace(kind, name, lambda method: _counted(method, watch))
        yield watch
    finally:
        for owner, name, before in reversed(put):
            setattr(owner, name, before)


def _contained(contained: Callable[..., Any], findings: Findings) -> Callable[..., Any]:
    @contextmanager
    def watched(folder: Path, call: Call, limit: TimeLimit, log: CallLog | None) -> Iterator[None]:
        findings.doing(call.what)
        try:
            with contained(folder, call, limit, log):
                try:
                    yield
                except SystemExit as error:
                    findings.fails("returns", f"{call.what} exits ({error})")
                    raise
                finally:
                    _look(folder, call, findings)
        finally:
            if limit.over:
                findings.fails("returns", f"{call.what} took more than {limit.seconds:g} s")
            findings.doing(f"what followed {call.what}")

    return watched


def _look(root: Path, call: Call, findings: Findings) -> None:
    try:
        here = Path.cwd()
    except OSError:
        findings.fails("folder-kept", f"{call.what} removed the working directory")
        return
    if here != root:
        findings.fails("folder-kept", f"{call.what} went to {here}")


def _performed(perform: Callable[..., Any], watch: Watch) -> Callable[..., Any]:
    @wraps(perform)
    def watched(*arguments: Any) -> Any:
        answer = perform(*arguments)
        watch.said.append(answer)
        return answer

    return watched


def _counted(method: Callable[..., Any], watch: Watch) -> Callable[..., Any]:
    @wraps(method)
    def counted(*arguments: Any, **named: Any) -> Any:
        watch.by_object += 1
        return method(*arguments, **named)

    return counted
