"""What a service is started with."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """How the service listens, and whom it trusts.

    Attributes
    ----------
    root
        The project's folder.
    host, port
        The address; port 0 is any that is free.
    names
        Further names under which clients may address it.
    """

    root: Path
    host: str = "127.0.0.1"
    port: int = 8642
    names: tuple[str, ...] = ()

    @property
    def local(self) -> bool:
        """Whether only programs of this machine can reach it."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Return whether an address or a name is of this machine's loopback."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"
