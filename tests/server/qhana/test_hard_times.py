"""The protocol under kills of the service."""

from __future__ import annotations

import random
import signal
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.searching import LONGER
from tests.server.conftest import Service


@pytest.mark.long
def test_a_service_that_is_killed_loses_no_task_and_no_call(runner, receiver):
    """Upstream tries 3 times; ours delivers at least once: also over kills of the service."""
    root, started = Path(runner.root), []
    rng = random.Random(3)
    for turn in range(round(2 * LONGER)):
        service = Service(root)
        for number in range(3):
            hook = f"{receiver.address}/killed/{turn}-{number}"
            query = urllib.parse.urlencode({"callback": hook})
            form = urllib.parse.urlencode({"inputStr": f"n{number}", "times": 2}).encode()
            address = f"{service.address}/plugins/greeting@v0-1-0/process/?{query}"
            with urllib.request.urlopen(address, form) as answer:
                started.append((urllib.parse.urlsplit(answer.geturl()).path, hook))
        if rng.random() < 0.5:
            runner.until(started[-1][0])
        service.process.send_signal(signal.SIGKILL)
        service.process.communicate()
    for path, hook in started:
        assert runner.until(path)["status"] == "SUCCESS"
        receiver.until(urllib.parse.urlsplit(hook).path, lambda found: "status" in found)
