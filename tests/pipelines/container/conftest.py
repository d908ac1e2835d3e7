"""A project whose analyses run in real containers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import containers
from tests.containers import with_runtimes

__all__ = ["with_runtimes"]

UNTIL = ("monitor", "--chain", "--until-idle", "--interval", "0.2", "--timeout", "300")


class InContainers:
    """A project, the image of the example, and what its analyses come to."""

    def __init__(self, root: Path, asimov: Callable[..., Any]) -> None:
        self.root = root
        self.asimov = asimov

    def apply(self, *analyses: dict[str, Any], code: int = 0) -> Any:
        documents: list[dict[str, Any]] = [{"kind": "subject", "name": "s"}]
        base = {
            "kind": "analysis", "subject": "s", "name": "a", "pipeline": "container",
            "image": str(containers.image()), "runtime": "bubblewrap",
        }  # fmt: skip
        documents += [{**base, **each} for each in analyses]
        path = self.root / "blueprint.yaml"
        path.write_text("\n---\n".join(json.dumps(each) for each in documents))
        ran = self.asimov("apply", "-f", path)
        assert ran.code == code, ran
        return ran

    def finish(self, code: int = 0) -> Any:
        ran = self.asimov(*UNTIL)
        assert ran.code == code, ran
        return ran

    def file(self, name: str, analysis: str = "a") -> Path:
        return self.root / "working" / "s" / analysis / name

    def why(self, analysis: str = "a") -> str:
        return str(self.asimov("why", "s", analysis).out)

    def state(self, analysis: str = "a") -> str:
        rows = json.loads(self.asimov("status", "--json").out)
        return next(str(row["status"]) for row in rows if row["name"] == analysis)


@pytest.fixture
def runs(with_runtimes: None, project: Path, asimov: Callable[..., Any]) -> InContainers:
    return InContainers(project, asimov)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Return a folder that containers don't see: some share ``/dev/shm``."""
    with containers.folder() as made:
        yield made
