"""Ports of this machine that nobody else takes meanwhile."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_port() -> Iterator[int]:
    """Keep a port at which nobody listens: who asks there is refused.

    A server may listen there, again and again, if it sets ``SO_REUSEADDR``, as most do; other
    programs are not given the port.
    """
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]
