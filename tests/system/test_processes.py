"""Queries of processes, asked of real ones."""

from __future__ import annotations

import os
import signal

from asimov.system.processes import pending_signals


def test_a_signal_is_pending_until_it_takes_effect() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        assert signal.SIGUSR1 not in pending_signals(os.getpid())
        os.kill(os.getpid(), signal.SIGUSR1)
        assert pending_signals(os.getpid()) == {signal.SIGUSR1}
        assert signal.sigwait({signal.SIGUSR1}) == signal.SIGUSR1
        assert pending_signals(os.getpid()) == set()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_process_that_does_not_exist_has_no_pending_signals() -> None:
    assert pending_signals(2**22 + 1) == set()
