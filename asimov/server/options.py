"""The options of a service: how it listens, and whom it trusts."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from asimov.errors import AsimovError
from asimov.text import quoted, short


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
    proxies
        Addresses of proxies, which say truly whom they forward requests of.
    certificate, private_key
        The files for TLS, if it does that itself.
    insecure
        Whether to serve other machines without TLS and without a proxy that does it.
    """

    root: Path
    host: str = "127.0.0.1"
    port: int = 8642
    names: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    certificate: Path | None = None
    private_key: Path | None = None
    insecure: bool = False

    @property
    def local(self) -> bool:
        """Whether only programs of this machine can reach it."""
        return is_loopback(self.host)

    @property
    def scheme(self) -> str:
        """What addresses of the service begin with."""
        return "http" if self.certificate is None else "https"

    def check(self) -> None:
        """Check the options, before anything is served.

        Raises
        ------
        AsimovError
            If one can't be meant, or if keys and results would be sent over a network that anybody
            can listen to.
        """
        if (self.certificate is None) != (self.private_key is None):
            raise AsimovError("TLS needs both a certificate and its key", where="--certificate")
        for each in self.proxies:
            try:
                ipaddress.ip_address(each)
            except ValueError as error:
                raise AsimovError(
                    f"{quoted(each)} is not an IP address", where="--proxy",
                    hint="give the address that the proxy's requests come from, such as 127.0.0.1",
                ) from error  # fmt: skip
        for each in self.names:
            if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", each):
                raise AsimovError(
                    f"{quoted(each)} is not a host name", where="--name",
                    hint="give the name alone, without https://, port or path: asimov.example.org",
                )  # fmt: skip
        if not (self.local or self.insecure or self.proxies or self.certificate):
            raise AsimovError(
                f"{short(self.host)} is not a loopback address: keys and results would cross "
                "the network as plain text",
                where="--host",
                hint="give --certificate and --private-key, or the --proxy in front that does "
                "TLS; --insecure allows it anyway",
            )


def is_loopback(host: str) -> bool:
    """Return whether an address or a name is of this machine's loopback."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"
