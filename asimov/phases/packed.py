"""Pickle phases with their state, so that another process or machine can use them."""

from __future__ import annotations

import importlib.util
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from asimov.errors import AsimovError


@dataclass(frozen=True)
class Packed:
    """A pickled object, and the script that its classes come from.

    Attributes
    ----------
    data
        The pickled object.
    script
        The file of a script that must be loaded first; None if it needs none.
    """

    data: bytes
    script: str | None = None

    def unpacked(self) -> Any:
        """Return the object.

        Raises
        ------
        AsimovError
            If a class of it can't be found any more.
        """
        if self.script is not None:
            load_script(Path(self.script))
        try:
            return pickle.loads(self.data)
        except (AttributeError, ImportError) as error:
            raise AsimovError(f"the phases can't be unpickled: {error}") from error


def packed(content: Any, script: Path | None = None) -> Packed:
    """Pack an object.

    Raises
    ------
    AsimovError
        If it can't be pickled.
    """
    try:
        return Packed(pickle.dumps(content), None if script is None else str(script))
    except Exception as error:  # whatever an object raises that can't be pickled
        raise AsimovError(
            f"the phases can't be pickled, so no other process can run them: {error}",
            hint="for their author: keep only data in a phase, and define its class at the top "
            "level of a module",
        ) from error


def load_script(path: Path) -> ModuleType:
    """Import a script as a module, under a name that depends on its file name only.

    Its part under ``if __name__ == "__main__":`` does not run.

    Raises
    ------
    AsimovError
        If it is not there or can't be imported.
    """
    name = f"asimov_script_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    if not path.is_file():
        raise AsimovError("there is no such script", where=path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(path.absolute().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as Python does for a script
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise AsimovError(f"can't be loaded: {error!r}", where=path) from error
    return module
