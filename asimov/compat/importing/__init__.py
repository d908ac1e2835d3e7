"""Import projects of asimov 0.5 to 0.8 (the published program); export a ledger in its layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asimov.compat.importing import ledger_files
from asimov.engine.importing.incoming import Incoming
from asimov.project.workspace import Workspace


class Published:
    """The importer of the published program's projects; see `asimov.engine.importing.incoming`."""

    def knows(self, path: Path) -> bool:
        """Return whether a path is a project of the published program, or a ledger of its layout.

        A project of ours has ``ledger/`` and no ``.asimov/ledger.*``.
        """
        return ledger_files.knows(path)

    def read(self, path: Path) -> Incoming:
        """Read a project, or a ledger file alone; see `asimov.compat.importing.reading`."""
        from asimov.compat.importing.reading import read

        return read(path)

    def export(self, workspace: Workspace) -> Mapping[str, Any]:
        """Return a project in the published layout; see `asimov.compat.importing.export`."""
        from asimov.compat.importing.export import export

        return export(workspace)


PUBLISHED = Published()
