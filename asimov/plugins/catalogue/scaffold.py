"""Write a new pipeline package from templates; it installs and runs as generated."""

from __future__ import annotations

import keyword
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.system.files import full_disk, umask
from asimov.text import quoted

#: The kinds of pipelines that can be generated as a class.
KINDS = ("simple", "subject", "project")
#: What can be generated for a stock pipeline; each has templates of its own, ``plugin-<kind>``.
CONTRACTS = ("container", "function", "phases")
#: The longest name: it becomes part of file names.
_LONGEST = 100
#: Names that the class can't have, because its module imports them.
_TAKEN = {"Asset", "Path", "Pipeline", "Settings"}
#: For each kind, the result of its blueprint, and the analyses that it summarises.
_RESULTS = {
    "simple": ("results/line/second/summary.json", ""),
    "subject": ("results/line/pooled/summary.json", '"line/first", "line/second"'),
    "project": ("results/project-analyses/pooled/summary.json", '"line/walk", "plane/walk"'),
}


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a package's parts.

    Attributes
    ----------
    name
        The pipeline, as in a blueprint.
    package
        The Python package.
    distribution
        The distribution that pip installs, and the folder.
    class_name
        The class.
    """

    name: str
    package: str
    distribution: str
    class_name: str


@dataclass(frozen=True, slots=True)
class Made:
    """A generated package: its folder, and its files relative to it."""

    folder: Path
    files: tuple[str, ...]


def names_of(name: str) -> Names:
    """Return the names of a package's parts for a pipeline's name.

    Spaces, dashes and dots become underscores; the name becomes lower case.

    Raises
    ------
    AsimovError
        Where the result is not a Python identifier.

    Examples
    --------
    >>> names_of("random-walk")
    Names(name='random_walk', package='asimov_random_walk', distribution='asimov-random-walk', \
class_name='RandomWalk')
    """
    words = [word for word in re.split(r"[\s._-]+", name.strip()) if word]
    if len(words) > 1 and words[0].lower() == "asimov":
        words = words[1:]
    plain = "_".join(words).lower()
    # Package names are ASCII; Python's identifiers need not be.
    if not plain.isidentifier() or not plain.isascii() or keyword.iskeyword(plain):
        raise AsimovError(
            f"{name!r} can't be the name of a pipeline",
            hint="use letters, digits and underscores, beginning with a letter; Python keywords "
            "are not allowed",
        )
    if len(plain) > _LONGEST:
        raise AsimovError(f"the name has more than {_LONGEST} characters: {quoted(name, 20)}")
    title = "".join(word[0].upper() + word[1:] for word in words)
    if title in _TAKEN or keyword.iskeyword(title):
        title += "Pipeline"
    return Names(plain, f"asimov_{plain}", f"asimov-{plain.replace('_', '-')}", title)


def write_package(name: str, kind: str = "simple", into: Path = Path()) -> Made:
    """Write a package with a new pipeline, all of it or nothing.

    Parameters
    ----------
    name
        The pipeline's name.
    kind
        One of `KINDS`: for one analysis of a subject, over several of a subject, across subjects;
        or one of `CONTRACTS`.
    into
        The folder to create the package's folder in.

    Raises
    ------
    AsimovError
        Where the name is invalid or that of an installed pipeline, and where the folder exists or
        can't be created.
    """
    names = names_of(name)
    if entrypoints.is_known(entrypoints.PIPELINES, names.name):
        point = entrypoints.find(entrypoints.PIPELINES, names.name)
        owner = f" of the package {point.dist.name}" if point and point.dist else ""
        raise AsimovError(
            f"there is already a pipeline {names.name!r}{owner}",
            hint="choose another name; 'asimov plugins list' shows the names in use",
        )
    folder = into / names.distribution
    if not into.is_dir():
        raise AsimovError("this folder does not exist", where=into, hint="create it first")
    if os.path.lexists(folder):
        raise AsimovError("already exists", where=folder, hint="choose another name, or remove it")
    files = rendered(names, kind)
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{names.distribution}.", dir=into))
        try:
            for path, text in files.items():
                (temporary / path).parent.mkdir(parents=True, exist_ok=True)
                (temporary / path).write_text(text)
            temporary.chmod(0o777 & ~umask())
            temporary.rename(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except OSError as error:
        raise full_disk(error) or AsimovError(
            f"can't be created: {error.strerror}", where=folder, hint="nothing was written"
        ) from error
    return Made(folder, tuple(files))


def rendered(names: Names, kind: str) -> dict[str, str]:
    """Return the text of each file of a package, by its path in the package's folder."""
    from importlib.resources import files

    import jinja2

    folder = f"plugin-{kind}" if kind in CONTRACTS else "plugin"
    # Not Jinja's own delimiters, since one of the files is a template itself.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(files("asimov.templates").joinpath(folder))),
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # no web pages
    )
    result, inputs = _RESULTS.get(kind, ("", ""))
    context: dict[str, Any] = {
        "kind": kind,
        "name": names.name,
        "package": names.package,
        "distribution": names.distribution,
        "class_name": names.class_name,
        "result": result,
        "inputs": inputs,
    }
    return {
        _path_of(template, names): environment.get_template(template).render(context)
        for template in sorted(environment.list_templates())
    }


def _path_of(template: str, names: Names) -> str:
    path = template.removesuffix(".jinja")
    if path == "package/config.ini":
        return f"{names.package}/{names.name}.ini"
    if path == "tests/test_pipeline.py":
        return f"tests/test_{names.name}.py"
    return re.sub(r"^package/", f"{names.package}/", path)
