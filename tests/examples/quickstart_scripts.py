"""Run the quickstart's scripts as processes, on files that tests write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parents[2] / "ledger-examples" / "quickstart"


def script(name: str, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLE / "scripts" / name), *map(str, arguments)]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def write_config(path: Path, **sections: dict[str, Any]) -> Path:
    lines = []
    for section, settings in sections.items():
        lines += [f"[{section}]", *(f"{key} = {value}" for key, value in settings.items())]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_series(path: Path, time: Any, value: Any, **header: Any) -> Path:
    header = {"series": "test", "unit": "m", "degree": 0, "filled": 0} | header
    lines = [f"# {key}: {text}" for key, text in header.items()] + ["time,value"]
    lines += [f"{t:.6f},{v:.9g}" for t, v in zip(time, value, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path
