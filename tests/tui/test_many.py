"""The live view with 10,000 analyses: a key takes a moment, wherever one is."""

from __future__ import annotations

import time

from asimov.engine.status import Row
from tests.driven import Driven

#: Seconds of processor time for a key; it takes 0.01 to 0.15 where this was written.
_MOMENT = 1.5


def test_ten_thousand_analyses_stay_usable(scene):
    rows = [
        Row(
            f"gw{number // 10:04}", f"a{number % 10}", "command", "running", number, "running",
            "1/3", "2026-05-01T12:00:00Z", None, [], state=("running", "idle")[number % 2],
        )
        for number in range(10_000)
    ]  # fmt: skip
    with Driven.of(scene, interval=1000) as view:
        view.shows("7 analyses")
        view.app._looks.rows = rows
        for keys, shown in (
            (["less_than_sign"], "analysis v"),
            (["end"], "> gw0999/a9"),
            (["home", "pagedown"], "gw0002/a"),
            (["i", "home"], "> gw0999/a9"),
            (["slash", *"gw0777/a3", "enter"], "gw0777/a3"),
        ):
            began = time.process_time()
            view.press(*keys)
            assert shown in view.text
            assert time.process_time() - began < _MOMENT * len(keys)
