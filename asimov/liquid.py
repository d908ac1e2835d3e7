"""Templates in Liquid, the dialect of published packages: telling them, and their environment.

The package liquidpy renders them. It is Jinja with other words, so that one file may mix both
dialects, and templates, their cache, includes and errors are Jinja's. What has no value is lenient
there: it prints as nothing.

Importing liquidpy teaches Jinja's parser some words (``elsif``; ``reversed``, ``limit`` and
``offset`` of loops) in the whole process. That is left so: plugins may import it themselves.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from asimov.errors import AsimovError

if TYPE_CHECKING:
    import jinja2

    from asimov.sandbox import Sandbox

DIALECTS = ("jinja", "liquid")

#: What is neither a tag nor an expression.
_LEFT_OUT = re.compile(
    r"\{#.*?#\}|\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}", re.DOTALL
)
_CODE = re.compile(r"\{%[-+]?\s*(.*?)\s*[-+]?%\}|\{\{[-+]?\s*(.*?)\s*[-+]?\}\}", re.DOTALL)
_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_SUBSCRIPT = re.compile(r"\[[^\[\]]*\]")
_TAG = re.compile(
    r"(?:assign|capture|case|comment|cycle|decrement|elsif|increment|tablerow|unless|when)\b"
)
#: What Jinja has no meaning for. ``.size`` alone may be a setting of that name; only where it is
#: compared with 0 it is Liquid's question whether there is anything.
_WORD = re.compile(
    r"""\|\s*\w+\s*:                        # a filter with a colon
      | [\w\])]\s+contains\s+[\w(\[]
      | \.size\s*(?:[<>]|[=!<>]=)\s*0\b
      | \bforloop\.
      | [=!]=\s*nil\b
      | \b(?:limit|offset)\s*:
      | \(\w+\.\.\w+\)                      # a range
    """,
    re.VERBOSE,
)


def is_liquid(text: str) -> bool:
    """Say whether a template holds what only Liquid has, such as ``assign`` or ``default: 3``.

    Parameters
    ----------
    text
        The template.
    """
    for tag, expression in _CODE.findall(_LEFT_OUT.sub("", text)):
        if tag and _TAG.match(tag):
            return True
        # A colon in a string or in a slice is nobody's filter.
        code = _STRING.sub("_", tag or expression)
        while (shorter := _SUBSCRIPT.sub("_", code)) != code:
            code = shorter
        if _WORD.search(code):
            return True
    return False


def environment() -> jinja2.Environment:
    """Return an environment of Liquid templates that are code, without a loader.

    Raises
    ------
    AsimovError
        Where liquidpy can't be imported.
    """
    made: jinja2.Environment = _made(None)
    return made


def sandbox() -> Sandbox:
    """Return an environment of Liquid templates that are data, without a loader.

    `Sandbox.contain` is to be called on it.

    Raises
    ------
    AsimovError
        Where liquidpy can't be imported.
    """
    from asimov.sandbox import Sandbox

    base = Sandbox()
    base.is_liquid = True
    made: Sandbox = _made(base)
    return made


def _made(base: Sandbox | None) -> Any:
    try:
        from liquid import Liquid
    except ImportError as error:
        raise AsimovError(
            f"templates in Liquid can't be rendered: {error}", hint="install liquidpy"
        ) from error
    made = Liquid("", from_file=False, search_paths=[], env=base).env
    made.tests["contains"] = _contains
    return made


def _contains(container: Any, item: Any) -> bool:
    """Raise where liquidpy does, in words for people: its own name ``__contains__`` only."""
    from jinja2 import Undefined

    if isinstance(container, Undefined):
        container[item]  # raises, with the name of what is undefined
    if not hasattr(container, "__contains__"):
        raise TypeError(f"{container!r} can't contain {item!r}")
    return bool(container.__contains__(item))
