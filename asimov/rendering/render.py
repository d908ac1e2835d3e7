"""Render template files, and single settings that contain template expressions.

Templates of installed packages are code and get the objects themselves. All others are data; see
`asimov.rendering.origins` and `asimov.rendering.sandbox`.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asimov.errors import AsimovError, Place
from asimov.ledger.documents import dump
from asimov.rendering.access import RefusedError
from asimov.rendering.bounds import TEMPLATE, ExceededError, budget
from asimov.rendering.dialects import dialect_of_text, dialects
from asimov.rendering.origins import Origins, resolved
from asimov.rendering.undefined import LISTED, undefined
from asimov.system import reading
from asimov.text import did_you_mean, joined, listed, quoted

if TYPE_CHECKING:
    import jinja2

#: Hints for a template that is refused, or needs too much.
REFUSED = (
    "templates and settings of a project may read settings, not run code; "
    "docs/trust.md lists what they may use"
)
EXCEEDED = "a project's template should only write a configuration; compute in the pipeline"

#: How many characters of a template are read to detect its dialect.
_LOOKED_AT = 64 * 1024


#: Filters and tests that accept an undefined name.
_OF_UNDEFINED = frozenset({"default", "d", "defined", "undefined"})
#: Errors of Python and of filters that a faulty template causes.
_OF_TEMPLATES = (
    ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, SyntaxError,
    TypeError, ValueError,
)  # fmt: skip


def render(
    template: Path,
    context: Mapping[str, Any],
    folders: Sequence[Path] = (),
    dialect: str | None = None,
    origins: Origins | None = None,
) -> str:
    """Render a template file.

    Parameters
    ----------
    template
        The file.
    context
        The names that it may use. A template that is data sees views of the objects among them.
    folders
        More folders that it may include templates from, besides its own.
    dialect
        The name of the dialect of the file and of all that it includes; by default it is
        detected, see `dialect_of`.
    origins
        Which templates are code. By default none is, and only templates in its own folder and in
        `folders` may be read.

    Raises
    ------
    AsimovError
        If a name is undefined, the template is faulty, or it does something that a project's
        template may not do, with file and line; if the dialect is unknown.
    """
    dialect = dialect or dialect_of(template)
    if dialect not in (known := dialects()):
        raise AsimovError(
            f"there is no dialect {dialect!r} of templates",
            where=template,
            hint=f"'template_dialect' of a pipeline is one of: {', '.join(known)}",
        )
    searched = (template.parent, *folders)
    if origins is None:
        origins = Origins(project=resolved(*searched))
    make = _code if origins.is_code(template) else _data
    with _reporting(template, context):
        return make(dialect, searched, origins).get_template(str(template)).render(context)


def is_template(text: str) -> bool:
    """Return whether rendering a value of the ledger may change it."""
    return "{" in text


def render_text(text: str, context: Mapping[str, Any], where: str) -> str:
    """Render a value of the ledger, such as an argument, as data.

    Parameters
    ----------
    text
        The value.
    context
        The names that it may use, as for `render`.
    where
        What the value is, for messages.

    Raises
    ------
    AsimovError
        As `render` does.
    """
    if not is_template(text):
        return text
    with _reporting(f"{where}: {quoted(text)}", context, text):
        if len(text) > TEMPLATE:
            raise ExceededError(f"it has more than {TEMPLATE // 1024} KiB")
        return _data("jinja", (), Origins()).from_string(text).render(context)


@lru_cache(maxsize=10_000)  # thousands of analyses have the same few settings
def fault_of_text(text: str, known: frozenset[str]) -> str | None:
    """Return a fault that a value has even before it is rendered; None if there is none.

    Parameters
    ----------
    text
        The value, as for `render_text`.
    known
        The names that it may use. An unknown name that it tests for being defined is no fault.
    """
    if "{" not in text:
        return None
    import jinja2
    from jinja2 import nodes
    from jinja2.meta import find_undeclared_variables

    if len(text) > TEMPLATE:
        return f"has more than {TEMPLATE // 1024} KiB"
    environment = _data("jinja", (), Origins())
    try:
        tree = environment.parse(text)
        undeclared = find_undeclared_variables(tree)
        environment.compile(text)
    except jinja2.TemplateSyntaxError as error:
        return f"{quoted(text)}: {error.message}"
    except (RecursionError, MemoryError, ValueError, OverflowError, SyntaxError):
        return None  # rendering reports what is wrong
    asked = {
        each.node.name
        for each in tree.find_all((nodes.Filter, nodes.Test))
        if each.name in _OF_UNDEFINED and isinstance(each.node, nodes.Name)
    }
    unknown = sorted(undeclared - known - asked - environment.globals.keys())
    if not unknown:
        return None
    hint = did_you_mean(unknown[0], known, 0.8)
    there = f"the names are {listed(sorted(known), LISTED)}"
    return joined(f"{quoted(text)}: {quoted(unknown[0])} is undefined{hint}", there)


def settings_asked(text: str) -> set[str]:
    """Return the settings that a value needs: ``{{ meta.NAME }}``, but for those with a default."""
    if "meta" not in text or "{" not in text:
        return set()
    import jinja2
    from jinja2 import nodes

    try:
        tree = _data("jinja", (), Origins()).parse(text)
    except (jinja2.TemplateSyntaxError, RecursionError):
        return set()  # `fault_of_text` reports it
    asked = [
        inner
        for each in tree.find_all((nodes.Filter, nodes.Test))
        if each.name in _OF_UNDEFINED
        for inner in each.find_all((nodes.Getattr, nodes.Getitem))
    ]
    found = set()
    for each in tree.find_all((nodes.Getattr, nodes.Getitem)):
        of = each.node if isinstance(each, (nodes.Getattr, nodes.Getitem)) else None
        if any(each is other for other in asked) or not isinstance(of, nodes.Name):
            continue
        if of.name == "meta" and isinstance(each, nodes.Getattr) and not hasattr(dict, each.attr):
            found.add(each.attr)
        elif of.name == "meta" and isinstance(each, nodes.Getitem):
            found |= {str(each.arg.value)} if isinstance(each.arg, nodes.Const) else set()
    return found


@contextmanager
def _reporting(source: Path | str, context: Mapping[str, Any], value: str = "") -> Iterator[None]:
    """Limit the renderings within the block, and report whatever goes wrong as one error."""
    import jinja2

    def place(error: Exception) -> Place | str:
        return _line(error, source) if isinstance(source, Path) else source

    try:
        with budget():
            yield
    except RefusedError as error:
        raise AsimovError(str(error), where=place(error), hint=REFUSED) from error
    except ExceededError as error:
        raise AsimovError(str(error), where=place(error), hint=EXCEEDED) from error
    except (RecursionError, MemoryError) as error:
        raise AsimovError(
            "is nested too deeply to render, or needs too much memory",
            where=place(error),
            hint=EXCEEDED,
        ) from error
    except jinja2.TemplateSyntaxError as error:
        where = source if isinstance(source, str) else Place(error.filename or source, error.lineno)
        raise AsimovError(f"is not a valid template: {error.message}", where=where) from error
    except jinja2.TemplateNotFound as error:
        raise AsimovError(f"there is no template {error.name!r}", where=source) from error
    except jinja2.UndefinedError as error:
        where = place(error)
        message, there = undefined(str(error.message), context, value or _text(where))
        raise AsimovError(message, where=where, hint=there) from error
    except jinja2.TemplateError as error:
        raise AsimovError(str(error.message), where=place(error)) from error
    except _OF_TEMPLATES as error:
        raise AsimovError(f"{type(error).__name__}: {error}", where=place(error)) from error


@lru_cache(maxsize=64)
def _code(dialect: str, folders: tuple[Path, ...], origins: Origins) -> jinja2.Environment:
    """Return the environment for templates that are code; these may include data."""
    from asimov.rendering.loader import Loader

    given = dialects()[dialect]
    made = given.environment()
    made.filters["to_yaml"] = _to_yaml
    made.loader = Loader(folders, origins, given.check, partial(_data, dialect, folders, origins))
    return made


@lru_cache(maxsize=64)
def _data(dialect: str, folders: tuple[Path, ...], origins: Origins) -> jinja2.Environment:
    """Return the environment for templates that are data."""
    from asimov.rendering.loader import Loader

    given = dialects()[dialect]
    made = given.sandbox()
    made.filters["to_yaml"] = _to_yaml
    made.loader = Loader(folders, origins, given.check)
    made.contain()
    return made


def _to_yaml(value: Any) -> str:
    import yaml

    try:
        return dump(value)
    except yaml.YAMLError as error:
        raise TypeError(f"to_yaml writes plain data, not {value!r}") from error


def dialect_of(template: Path) -> str:
    """Detect the dialect of a template by the syntax in its file.

    Raises
    ------
    AsimovError
        If the file can't be read.
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
    """Detect the dialect of a file; the result is cached until the file changes."""
    return dialect_of_text(reading.contents(template).decode()[:_LOOKED_AT])


def _line(error: BaseException, template: Path) -> Place:
    """Find the line at which a template failed: Jinja puts it into the traceback."""
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(template.suffix)
    ]
    frames = [frame for frame in frames if not frame.filename.endswith(".py")]
    if frames:
        return Place(frames[-1].filename, frames[-1].lineno)
    return Place(template)


def _text(place: Place | str) -> str:
    if isinstance(place, Place):
        with suppress(OSError, AsimovError):
            return reading.contents(Path(place.file)).decode(errors="replace")
    return ""
