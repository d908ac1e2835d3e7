from __future__ import annotations

import pytest

from asimov.system import clock


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0s"), (0.4, "0s"), (59.9, "59s"), (60, "1m"), (3600, "1h"), (90000, "1d")],
)
def test_lengths_of_time_have_one_unit(seconds: float, text: str) -> None:
    assert clock.age(seconds) == text
