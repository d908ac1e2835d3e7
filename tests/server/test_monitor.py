"""The monitor that a service keeps running."""

from __future__ import annotations

import asyncio
import sys

import pytest

from asimov.server.monitor import keep_monitor


def test_it_is_tried_again_if_it_can_not_be_started(tmp_path, monkeypatch):
    """The machine may be out of processes for a while; a service without a monitor says nothing."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(asyncio.wait_for(keep_monitor(tmp_path), 0.1))
