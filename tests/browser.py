"""A real browser for tests: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "browser"
#: It asks nobody for updates, and needs no sandbox of its own for pages of ours.
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@cache
def program() -> str:
    """Return the browser's path; skip loudly without one, fail where CI=true."""
    for command in ("install", "path"):
        ran = subprocess.run([TOOL, command], capture_output=True, text=True, check=False)
        if ran.returncode:
            text = f"NO BROWSER, THE DASHBOARD IS NOT TESTED IN ONE ({ran.stderr.strip()})"
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(text, pytrace=False)
            pytest.skip(text)
    return ran.stdout.strip()


@contextmanager
def started() -> Iterator[Any]:
    """Start the browser; return it as Playwright's ``Browser``."""
    from playwright.sync_api import sync_playwright

    path = program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
