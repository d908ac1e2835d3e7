"""Which of the signals that a parent receives it relays, whatever the delays."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from types import SimpleNamespace
from unittest import mock

import pytest

from asimov.system.supervision import signals

CHILD = 12345
HUP = int(signal.SIGHUP)


class Bench:
    """A relay whose time, signals and child are the test's."""

    def __init__(self, bell: int, child_end: int) -> None:
        self.now = 100.0
        self.relay = signals.Relay(bell)
        self.sent: list[tuple[int, int]] = []
        self._child_end = child_end
        self._pending: SimpleNamespace | None = None

    def handled(self, number: int) -> None:
        """Have the child handle a signal, and write that to the pipe."""
        os.write(self._child_end, bytes([number]))

    def later(self, seconds: float, received: int | None = None) -> None:
        """Let time pass; then the parent runs, with a signal that was sent to it or without."""
        self.now += seconds
        self._pending = received and SimpleNamespace(si_signo=received, si_code=0)
        self.relay._receive()
        self.relay._relay(CHILD)

    def wait(self, *_: object) -> SimpleNamespace | None:
        pending, self._pending = self._pending, None
        return pending


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bell, child_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        with monkeypatch.context() as patch:
            # No SIGIO: it would end this process, whose other threads do not block it.
            patch.setattr(signals, "fcntl", mock.MagicMock(fcntl=lambda *_: 0))
            made = Bench(bell, child_end)
            patch.setattr(signals, "time", SimpleNamespace(monotonic=lambda: made.now))
            patch.setattr(signals.signal, "sigwaitinfo", made.wait)
            patch.setattr(signals.signal, "sigtimedwait", made.wait)
            patch.setattr(signals.os, "kill", lambda *call: made.sent.append(call))
            yield made
    finally:
        os.close(bell)
        os.close(child_end)


def test_what_is_sent_to_the_parent_alone_is_relayed_once(bench: Bench) -> None:
    bench.later(0, HUP)
    assert bench.sent == []
    bench.later(0.5)
    assert bench.sent == [(CHILD, HUP)]
    bench.handled(HUP)
    bench.later(0.1)
    bench.later(1)
    assert bench.sent == [(CHILD, HUP)]


@pytest.mark.parametrize("first", ["the parent", "the child"])
def test_what_both_receive_is_not_relayed(bench: Bench, first: str) -> None:
    if first == "the child":
        bench.handled(HUP)
        bench.later(0.1)
        bench.later(0.1, HUP)
    else:
        bench.later(0, HUP)
        bench.handled(HUP)
        bench.later(0.1)
    bench.later(1)
    assert bench.sent == []


@pytest.mark.parametrize("delay", [0.1, 0.6, 30])
def test_a_child_that_is_slow_to_handle_one_still_gets_the_next(bench: Bench, delay: float) -> None:
    bench.later(0, HUP)
    bench.later(0.5)
    assert bench.sent == [(CHILD, HUP)]
    bench.handled(HUP)  # or the parent is slow to see it: both happen on a busy machine
    bench.later(delay, HUP)
    bench.later(0.5)
    assert bench.sent == [(CHILD, HUP), (CHILD, HUP)]


def test_what_both_receive_is_not_relayed_while_an_earlier_one_is_handled(bench: Bench) -> None:
    bench.later(0, HUP)
    bench.later(0.5)
    bench.handled(HUP)  # the earlier one, which was relayed
    bench.handled(HUP)  # the child's own
    bench.later(0.7, HUP)
    bench.later(0.5)
    assert bench.sent == [(CHILD, HUP)]
