"""Rendering configurations from templates."""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asimov import liquid, reading
from asimov.errors import AsimovError, Place
from asimov.files import is_file
from asimov.ledger.documents import dump

if TYPE_CHECKING:
    import jinja2


def render(
    template: Path,
    context: Mapping[str, Any],
    folders: Sequence[Path] = (),
    dialect: str | None = None,
) -> str:
    """Render a template file.

    Parameters
    ----------
    template
        The file.
    context
        The names that it may use.
    folders
        Where it may include other templates from, besides its own folder.
    dialect
        ``jinja`` or ``liquid``, also of what it includes; None asks `dialect_of`.

    Raises
    ------
    AsimovError
        For a name that is not defined or a fault in the template, with file and line; for a
        dialect that there is not.
    """
    import jinja2

    dialect = dialect or dialect_of(template)
    if dialect not in liquid.DIALECTS:
        raise AsimovError(
            f"there is no dialect {dialect!r} of templates",
            where=template,
            hint=f"'template_dialect' of a pipeline is one of: {', '.join(liquid.DIALECTS)}",
        )
    searched = (template.parent, *folders)
    environment = liquid.environment(searched) if dialect == "liquid" else _environment(searched)
    try:
        return environment.get_template(template.name).render(context)
    except jinja2.TemplateSyntaxError as error:
        raise AsimovError(
            f"is not a valid template: {error.message}",
            where=Place(error.filename or template, error.lineno),
        ) from error
    except jinja2.TemplateNotFound as error:
        raise AsimovError(f"there is no template {error.name!r}", where=template) from error
    except jinja2.UndefinedError as error:
        told = f"{error.message}{_instead(str(error.message), context)}"
        raise AsimovError(told, where=_line(error, template)) from error
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise AsimovError(
            f"{type(error).__name__}: {error}", where=_line(error, template)
        ) from error


def render_text(text: str, context: Mapping[str, Any], where: str) -> str:
    """Render one value of the ledger, such as an argument.

    Parameters
    ----------
    text
        The value.
    context
        The names that it may use.
    where
        What it is, for messages.
    """
    if "{" not in text:
        return text
    import jinja2

    try:
        return _environment(()).from_string(text).render(context)
    except jinja2.TemplateError as error:
        raise AsimovError(f"{where}: {text!r}: {error.message}") from error
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise AsimovError(f"{where}: {text!r}: {type(error).__name__}: {error}") from error


@lru_cache(maxsize=64)
def _environment(folders: tuple[Path, ...]) -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([str(folder) for folder in folders]),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # configurations, not web pages
    )
    environment.filters["to_yaml"] = dump
    return environment


def dialect_of(template: Path) -> str:
    """Return the dialect of a template by the syntax that its file has.

    Raises
    ------
    AsimovError
        Where the file can't be read.
    """
    try:
        stat = template.stat()
        return _dialect(template, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise AsimovError(f"can't be read: {error.strerror}", where=template) from error
    except UnicodeDecodeError as error:
        raise AsimovError(f"is not text: {error}", where=template) from error


@lru_cache(maxsize=64)
def _dialect(template: Path, changed: int, size: int) -> str:
    """Look into a file; again only after it has changed."""
    return "liquid" if liquid.is_liquid(reading.contents(template).decode()) else "jinja"


def _line(error: Exception, template: Path) -> Place:
    """Find the line of a template at which it failed: Jinja puts it into the traceback."""
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(template.suffix)
    ]
    frames = [frame for frame in frames if not frame.filename.endswith(".py")]
    if frames:
        return Place(frames[-1].filename, frames[-1].lineno)
    return Place(template)


def _instead(message: str, context: Mapping[str, Any]) -> str:
    """Say where the settings have what a template looks for elsewhere, or what it nearly is."""
    if not (missing := re.search(r"has no attribute '(.+)'$|^'(.+)' is undefined$", message)):
        return ""
    name = missing[1] or missing[2]
    places: dict[str, list[str]] = {}
    todo: list[tuple[str, Any]] = [("meta", context.get("meta"))]
    while todo:
        path, inside = todo.pop(0)
        for key, value in inside.items() if isinstance(inside, Mapping) else ():
            places.setdefault(str(key), []).append(path)
            todo.append((f"{path}: {key}", value))
    if name in places:
        return f"; it is in {places[name][0]!r}"
    near = difflib.get_close_matches(name, [*places, *context], 1, cutoff=0.8)
    return f"; did you mean {near[0]!r}?" if near else ""


def find_template(wanted: str | Path, folders: Sequence[Path]) -> Path:
    """Return the template file of a name.

    Parameters
    ----------
    wanted
        An absolute path, or one relative to any of the folders; the first that is there is taken.
    folders
        Where to look, in order.

    Raises
    ------
    AsimovError
        Where none of them has it, with the places that were looked at.
    """
    whole = Path(wanted).is_absolute()
    for path in [Path(wanted)] if whole else [folder / wanted for folder in folders]:
        if is_file(path):
            return path
    looked = ", ".join(str(folder) for folder in folders)
    raise AsimovError(
        f"there is no template {str(wanted)!r}",
        hint="a package's own has to be among its 'package-data'"
        if whole
        else f"looked in {looked}",
    )
