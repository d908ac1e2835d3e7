"""A job may leave a named pipe where asimov expects a file: nothing waits for its writer."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asimov.pipelines.function import manifest

from asimov.engine.diagnosis import fixes
from asimov.engine.job_output.reading import Follower, every_line, last_lines
from asimov.pipeline import progress
from asimov.pipeline.data_checks import faults_of_data
from asimov.system import reading


@pytest.fixture
def limit() -> Iterator[None]:
    """Raise an error in what waits, instead of waiting with it."""

    def end(number: int, frame: object) -> None:
        raise TimeoutError("it waited")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, 300)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def checked(media_type: str) -> Callable[[Path], Any]:
    return lambda path: len(list(faults_of_data(path, {"a": "number"}, media_type)))


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize(
    ("read", "found"),
    [
        (progress.read, None),
        (reading.tail, "can't be read: it is not a regular file"),
        (lambda path: last_lines(path, 3), []),
        (lambda path: list(every_line(path)), []),
        (lambda path: Follower().news(path), []),
        (lambda path: len(list(manifest.faults(path))), 1),
        (lambda path: manifest.manifest(path.parent), []),
        (lambda path: fixes._lacks_interpreter([f"Failed to execute '{path}': errno=2"]), None),
        (checked("text/csv"), 1),
        (checked("application/json"), 1),
    ],
)
def test_a_pipe_is_not_waited_for(tmp_path: Path, read: Callable[[Path], Any], found: Any) -> None:
    path = tmp_path / "outputs.json"
    os.mkfifo(path)
    assert read(path) == found


@pytest.mark.usefixtures("limit")
def test_a_job_whose_progress_is_a_pipe_holds_up_nothing(lab: Any) -> None:
    script = "rm -f $ASIMOV_PROGRESS; mkfifo $ASIMOV_PROGRESS; sleep 3; echo x > out"
    settings = f"executable: sh, arguments: ['-c', '{script}'], outputs: {{o: out}}"
    lab.apply(f"a, pipeline: command, {settings}")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
