"""Register Python functions as analyses: the decorator ``app.register``, and their data objects."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

#: What ``python -m asimov`` runs, without modules of the current folder: that is a project's data.
_ASIMOV = "import sys; sys.path[:] = filter(None, sys.path); from asimov.cli import main; main()"


class DataObject:
    """A file or a DICOM folder that a function reads or makes.

    Parameters
    ----------
    type
        ``FILE`` or ``DICOM``.
    path
        The file; a folder for ``DICOM`` inputs.
    parent
        The data object that it was made from, or None.
    meta_data
        Anything that JSON can hold.
    series_instance_uid
        The DICOM series.
    id
        Its number in the call; outputs get one when the function returns.
    """

    def __init__(
        self,
        *,
        type: str = "FILE",
        path: Any = None,
        parent: DataObject | None = None,
        meta_data: Any = None,
        series_instance_uid: str | None = None,
        id: int | None = None,
    ) -> None:
        self.type = type
        self.path = path
        self.parent = parent
        self.meta_data = meta_data
        self.series_instance_uid = series_instance_uid
        self.id = id

    def __repr__(self) -> str:
        return f"<DataObject {self.id}: {self.type} {self.path}>"


class Algorithm:
    """A registered function: its name, the function itself and its default settings."""

    def __init__(self, name: str, function: Callable[..., Any], default_settings: Any) -> None:
        self.name = name
        self.function = function
        self.default_settings = default_settings


class App:
    """The register of a module's functions, by name in `algorithms`."""

    def __init__(self) -> None:
        self.algorithms: dict[str, Algorithm] = {}

    def register(
        self, name: str, default_settings: Any = None
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Return a decorator that registers a function and leaves it as it is.

        Parameters
        ----------
        name
            Any text; an analysis names its pipeline by it.
        default_settings
            A mapping. Without it, the function is called with two arguments unless the analysis
            has settings.
        """

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            self.algorithms[name] = Algorithm(name, function, default_settings)
            return function

        return decorate

    def run(
        self, debug: bool = False, host: str = "127.0.0.1", port: int = 8642, **options: Any
    ) -> NoReturn:
        """Serve the project around the current folder, as ``asimov serve --monitor`` does.

        Parameters
        ----------
        debug
            Taken, and of no effect.
        host, port
            The address to listen at.
        options
            Options of other registers, which are of no effect.
        """
        command = [sys.executable, "-c", _ASIMOV, "serve", "--monitor"]
        os.execv(sys.executable, [*command, "--host", str(host), "--port", str(port)])


class Celery:
    """Stands where modules import ``celery``, which they do not use."""


app = App()
celery = Celery()
