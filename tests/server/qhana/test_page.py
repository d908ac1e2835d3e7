"""The commands of docs/qhana.md print what the page shows."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.server.qhana.conftest import PAGE, install
from tests.test_docs import PORT, blocks, commands, free_port, masked, shown

__all__ = ["free_port"]


@pytest.mark.long
def test_the_commands_of_the_page_print_what_it_shows(
    tmp_path: Path, shell: Callable[..., Any], free_port: str
) -> None:
    packages, here, port = tmp_path / "packages", tmp_path / "here", free_port
    packages.mkdir()
    here.mkdir()
    install(packages, {"greeting"})
    try:
        for block in blocks(PAGE):
            for command, expected in commands(block) if block.language == "console" else ():
                if command.startswith("pip install"):
                    continue  # it is installed: the tests' own environment is left as it is
                given = command.replace(PORT, port)
                ran = shell(
                    f"exec 2>&1\n{given}", cwd=here, PYTHONPATH=str(packages), COLUMNS="400"
                )
                out = ran.out.replace(port, PORT)
                told = f"{PAGE.name}:{block.line}: $ {command}\n{out}"
                assert ran.code == 0, told
                actual = "".join(f"{masked(line)}\n" for line in out.splitlines())
                assert shown(expected).fullmatch(actual), told
    finally:
        for file in here.glob("serve.pid"):
            with suppress(OSError):
                if b"serve" in Path("/proc", file.read_text().strip(), "cmdline").read_bytes():
                    os.kill(int(file.read_text()), signal.SIGTERM)
