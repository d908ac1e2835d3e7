"""Load templates from files; those of a project are loaded into the sandbox."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from asimov.rendering.access import RefusedError
from asimov.rendering.bounds import TEMPLATE, ExceededError
from asimov.rendering.origins import Origins
from asimov.system import reading
from asimov.system.files import is_file


class Loader(jinja2.BaseLoader):
    """Find templates by absolute path, or by a name relative to folders.

    Parameters
    ----------
    folders
        The folders to search for a name, in order.
    origins
        Which files are code, and which may be read at all.
    check
        Refuses the text of a template that is data if the dialect's parser can't handle it.
    sandbox
        For an environment of code: makes the environment of data, which loads every template that
        is not code. None for the environment of data itself.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        origins: Origins,
        check: Callable[[str], None],
        sandbox: Callable[[], jinja2.Environment] | None = None,
    ) -> None:
        self.folders = folders
        self.origins = origins
        self.check = check
        self.sandbox = sandbox

    def _find(self, name: str) -> Path:
        # Joining an absolute path to a folder leaves it unchanged.
        for path in (folder / name for folder in self.folders):
            if is_file(path):
                if not self.origins.may_read(path):
                    raise RefusedError(
                        f"{name!r} is neither in the project nor in a folder of templates"
                    )
                return path
        raise jinja2.TemplateNotFound(name)

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return the text, the file, and a function that says whether the file is unchanged."""
        path = self._find(template)
        before = _state(path)
        if before is not None and before[1] > TEMPLATE and self.sandbox is None:
            raise ExceededError(f"a template has more than {TEMPLATE // 1024} KiB: {path}")
        text = reading.contents(path).decode()
        if self.sandbox is None:
            self.check(text)
        return text, str(path), lambda: _state(path) == before

    def load(
        self,
        environment: jinja2.Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,
    ) -> jinja2.Template:
        """Return a template, loaded by the environment that it belongs to."""
        if self.sandbox is not None:
            path = self._find(name)
            if not self.origins.is_code(path):
                return self.sandbox().get_template(str(path))
        return super().load(environment, name, globals)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
