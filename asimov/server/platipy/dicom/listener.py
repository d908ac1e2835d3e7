"""Receive DICOM series that other machines send (C-STORE), if a data object waits for them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from asimov.configuration import number
from asimov.errors import AsimovError
from asimov.journal.database import Database
from asimov.journal.datasets import Datasets
from asimov.journal.journal import Journal
from asimov.project.layout import Project
from asimov.server.faults import FaultError
from asimov.server.platipy.dicom.files import arrived, keep, series_of, transfer_syntaxes
from asimov.system import clock

#: Statuses of C-STORE (DICOM PS3.4, table B.2-1): done; not what is expected; can't be kept.
_DONE, _UNEXPECTED, _FAILED = 0x0000, 0xA900, 0xA700


class Listener:
    """Listens at ``platipy/dicom host`` and ``platipy/dicom port``.

    Parameters
    ----------
    project
        The project.

    Attributes
    ----------
    title
        Its application entity's title, ``platipy/dicom title``.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._server: Any = None
        self.title = project.config.get("platipy", "dicom title", fallback="ASIMOV")

    def start(self) -> None:
        """Listen, unless it does."""
        if self._server is not None:
            return
        from pynetdicom import AE, AllStoragePresentationContexts, _config, evt
        from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

        _config.STORE_RECV_CHUNKED_DATASET = True  # an image goes to disk, not into memory
        config = self._project.config
        host = config.get("platipy", "dicom host", fallback="127.0.0.1")
        entity = AE(ae_title=self.title)
        for each in AllStoragePresentationContexts:
            entity.add_supported_context(each.abstract_syntax or "", transfer_syntaxes())
        entity.add_supported_context(Verification)
        entity.require_called_aet = True
        handlers: list[Any] = [(evt.EVT_C_STORE, self._store), (evt.EVT_RELEASED, self._released)]
        port = int(number(config, "platipy", "dicom port", 0))
        self._server = entity.start_server((host, port), block=False, evt_handlers=handlers)

    def _store(self, event: Any) -> int:
        """Take an image of a series that somebody waits for."""
        try:
            series = series_of(event.dataset_path)
            with closing(Database(self._project.journal)) as journal:
                waiting = Datasets(journal).expected(series, clock.now())
            if not waiting:
                return _UNEXPECTED
            for each in waiting:
                keep(self._project, each, Path(event.dataset_path))
        except (OSError, AsimovError, FaultError, AttributeError):
            return _FAILED
        seen: set[str] = getattr(event.assoc, "asimov_series", set())
        event.assoc.asimov_series = {*seen, series}
        return _DONE

    def _released(self, event: Any) -> None:
        """Note that what was sent is there, and who sent it."""
        sender = str(event.assoc.requestor.ae_title)
        for series in getattr(event.assoc, "asimov_series", ()):
            with closing(Journal(self._project.journal)) as journal:
                for each in Datasets(journal).expected(series, clock.now()):
                    arrived(self._project, journal, each, sender)
