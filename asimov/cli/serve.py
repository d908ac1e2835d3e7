"""``asimov serve``: give the project an address."""

from __future__ import annotations

from pathlib import Path

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say
from asimov.errors import AsimovError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8642,
    show_default=True,
    help="The port; 0 picks a free one.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="Also answer to this host name, such as a proxy's; may be repeated.",
)
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Trust what this proxy says about where requests come from; may be repeated.",
)
@click.option("--certificate", type=_FILE, help="Use TLS, with this certificate (PEM).")
@click.option("--private-key", type=_FILE, help="The certificate's private key (PEM).")
@click.option("--insecure", is_flag=True, help="Allow plain-text connections from other machines.")
@click.option("--monitor", is_flag=True, help="Also keep a monitor running, with --chain.")
def command(
    host: str,
    port: int,
    names: tuple[str, ...],
    proxies: tuple[str, ...],
    certificate: Path | None,
    private_key: Path | None,
    insecure: bool,
    monitor: bool,
) -> None:
    """Serve the project over HTTP, for programs and people.

    The service shows what the commands show. It runs no work and keeps everything in the ledger and
    the journal: stopping it, with Ctrl-C or SIGTERM, loses nothing.
    On this machine anybody may read; everything else needs a key ('asimov manage key').
    This needs the extra 'server': pip install 'asimov[server]'

    \b
    Example:
      asimov serve --monitor
      asimov serve --port 0
    """
    workspace = open_workspace(Use.ACT)
    root = workspace.project.root
    workspace.journal.close()
    try:
        import starlette  # noqa: F401  (optional, and imported by no other command)
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise AsimovError(
            f"'asimov serve' needs the Python package {error.name}",
            hint="install it: pip install 'asimov[server]'",
        ) from error
    from asimov.server.options import Options
    from asimov.server.run import run

    def ready(address: str) -> None:
        say(f"Serving {workspace.project.name} at {address}")

    options = Options(root, host, port, names, proxies, certificate, private_key, insecure)
    run(options, ready, monitor=monitor)
    say("The service has stopped; jobs keep running")
