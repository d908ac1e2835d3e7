"""Questions that hang keep nobody else waiting, and who can not be helped hears so soon."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import suppress
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from asimov.discovery import entrypoints
from asimov.server.faults import FaultError
from asimov.server.processes.pool import Pool
from tests.server.conftest import Service, made

MODULE = """
import time
from pathlib import Path
from asimov.system.helper_process.answering import answer_questions

def main(started):
    with Path(started).open("a") as stream:
        stream.write("once\\n")
    answer_questions(lambda name, given: time.sleep(*given) if name == "sleep" else given)
"""
#: A package whose pipeline can't be imported while there is a file.
HANGING = """
import time
from pathlib import Path
from asimov.pipelines.testing import SimpleTestPipeline

while Path({flag!r}).exists():
    time.sleep(0.05)

class Hanging(SimpleTestPipeline):
    name = "hanging"
"""


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Return the file in which each start of a process is noted."""
    (tmp_path / "slow_helper.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "started"


def test_one_that_hangs_has_others_started_and_those_are_used_again(started):
    async def run():
        made = Pool("slow_helper", [str(started)], 60.0, 4)
        for _ in range(3):
            assert await made.ask("words", 1) == (1,)
        assert started.read_text() == "once\n"
        hangs = asyncio.ensure_future(made.ask("sleep", 3600))
        await asyncio.sleep(0)
        for _ in range(3):
            assert await made.ask("words", 2) == (2,)
        assert (started.read_text(), made.waiting) == (2 * "once\n", 1)
        hangs.cancel()  # its asker has gone; the process is as busy as before
        assert await made.ask("words", 3) == (3,)
        assert made.waiting == 1
        await asyncio.wait_for(made.close(), 60)

    asyncio.run(run())


def test_where_all_hang_who_asks_next_is_told_to_come_back_and_queues_move_on(started):
    async def run():
        made = Pool("slow_helper", [str(started)], 60.0, 2, 1.5)
        for _ in range(2):  # both are there
            await asyncio.gather(*(made.ask("words") for _ in range(2)))
        slow = [asyncio.ensure_future(made.ask("sleep", 0.2)) for _ in range(18)]
        await asyncio.gather(*slow)  # the last waited for longer than that, but not in vain
        made._patience = 0.5
        hangs = [asyncio.ensure_future(made.ask("sleep", 3600)) for _ in range(2)]
        given_up = asyncio.ensure_future(made.ask("words", "nobody waits"))
        await asyncio.sleep(0.1)
        given_up.cancel()
        for _ in range(2):
            with pytest.raises(FaultError, match="all 2 processes") as refused:
                await asyncio.wait_for(made.ask("words"), 60)
            assert refused.value.fault.status == 503
            assert refused.value.headers == {"retry-after": "10"}
        assert made.waiting == 2
        await asyncio.wait_for(made.close(), 60)
        for each in hangs:
            with pytest.raises(FaultError):
                await each

    asyncio.run(run())


@pytest.fixture
def flag(tmp_path, monkeypatch):
    """Publish the package; return the file."""
    packages, flag = tmp_path / "packages", tmp_path / "flag"
    info = packages / "hanging-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hanging\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[asimov.pipelines]\nhanging = hanging_module:Hanging\n")
    (packages / "hanging_module.py").write_text(HANGING.format(flag=str(flag)))
    monkeypatch.setenv("PYTHONPATH", str(packages))
    monkeypatch.syspath_prepend(str(packages))
    for each in (entrypoints.found, entrypoints.load):
        each.cache_clear()
    yield flag
    flag.unlink(missing_ok=True)
    monkeypatch.undo()
    for each in (entrypoints.found, entrypoints.load):
        each.cache_clear()


def test_a_pipeline_that_hangs_keeps_nobody_else_waiting(tmp_path, flag):
    root = made(tmp_path / "project", "---\n{kind: analysis, event: t, name: h, pipeline: hanging}")
    flag.touch()
    service = Service(root)
    told = []

    def ask(path, seconds):
        began = time.monotonic()
        try:
            with urlopen(Request(f"{service.address}{path}"), timeout=seconds) as answer:
                return answer.status, dict(answer.headers), time.monotonic() - began
        except HTTPError as error:
            with error:
                json.load(error)
                return error.code, dict(error.headers), time.monotonic() - began

    def hang(path):
        with suppress(OSError):
            told.append(ask(path, 100))

    one, first = "/v1/subjects/t/analyses/h", "/v1/subjects/s/analyses/first"
    hanging = (
        one, f"{one}/logs", "/v1/analyses?outdated=true", "/analyses/t/h", "/?outdated=true",
        f"{one}/why", f"{one}/why",
    )  # fmt: skip
    threads = [threading.Thread(target=hang, args=[each], daemon=True) for each in hanging]
    try:
        for path in ("/healthz", f"{first}/why", first, "/", "/analyses/s/first"):
            assert ask(path, 60)[0] == 200  # what answers is there
        for each in threads:
            each.start()
        time.sleep(1)
        others = (
            "/healthz", "/metrics", "/v1/subjects", "/v1/subjects/t", "/v1/analyses", "/v1/events",
            "/v1/monitor", f"{one}/results", "/", "/changes", first,
            f"{first}/logs", f"{first}/why", "/analyses/s/first", "/api/v1/events/",
        )  # fmt: skip
        for path in others:
            status, _, took = ask(path, 60)
            assert (status, took < 40) == (200, True), (path, took)
        assert any(each.is_alive() for each in threads)  # some hang until the file is gone
        for _ in range(4):
            threads.append(threading.Thread(target=hang, args=[one], daemon=True))
            threads[-1].start()
        end = time.monotonic() + 120
        while not (refused := [each for each in told if each[0] == 503]):
            assert time.monotonic() < end
            time.sleep(0.1)
        assert refused[0][1]["retry-after"] == "10"
        flag.unlink()
        for each in threads:
            each.join(timeout=60)
        assert {each[0] for each in told} == {200, 503}
        assert ask(one, 60)[0] == 200
    finally:
        service.process.kill()
        service.process.communicate()
