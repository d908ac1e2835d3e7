"""What a service that was killed has left of uploads goes while the next one runs."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace

from asimov.project.layout import find
from asimov.server.platipy import upkeep as module
from asimov.server.platipy.upkeep import Upkeep
from tests.server.conftest import made


def test_what_is_left_of_uploads_goes_also_if_it_was_new_at_the_beginning(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LOOK", 0.01)
    monkeypatch.setattr(module, "_AGE", 0.1)
    done: Counter[str] = Counter()

    async def ask(name):
        done[name] += 1
        return {"expired": False, "uploads": True, "modules": True, "fetch": [], "send": []}

    async def act(name, owner, what, *arguments):
        done[what] += 1

    async def look_after():
        upkeep = Upkeep(find(made(tmp_path / "project").resolve()), backend)
        while done["clean"] < 3:
            await asyncio.sleep(0.01)
        await upkeep.end()

    backend = SimpleNamespace(ask=ask, act=act)
    asyncio.run(asyncio.wait_for(look_after(), 120))
    assert done["algorithms"] == 1
    assert done["platipy_chores"] > done["clean"]
