"""Recognise templates in Liquid, and make the environments that render them.

The package liquidpy renders them. It extends Jinja's parser, so one file may mix both dialects;
templates, their cache, includes and errors are Jinja's. An undefined value prints as nothing.

Importing liquidpy teaches Jinja's parser some words (``elsif``; ``reversed``, ``limit`` and
``offset`` of loops) in the whole process. That stays: plugins may import it themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from asimov.errors import AsimovError
from asimov.rendering.bounds import ExceededError
from asimov.rendering.dialects import Dialect

if TYPE_CHECKING:
    import jinja2

    from asimov.rendering.sandbox import Sandbox

#: The start of a comment or a raw block, where nothing is a tag or an expression.
_LEFT_OUT = re.compile(r"\{#|\{%[-+]?\s*raw\s*[-+]?%\}")
_ENDRAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
#: How deeply nested subscripts are searched.
_DEPTH = 20
_COMMENT = re.compile(r"\{%[-+]?\s*comment")
_ENDCOMMENT = re.compile(r"\{%[-+]?\s*endcomment\s*[-+]?%\}")
_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_SUBSCRIPT = re.compile(r"\[[^\[\]]*\]")
_TAG = re.compile(
    r"(?:assign|capture|case|comment|cycle|decrement|elsif|increment|tablerow|unless|when)\b"
)
#: Syntax that Jinja does not have. ``.size`` alone may be a setting of that name; compared with 0
#: it is Liquid's way to ask whether a list is empty.
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
    """Return whether a template has syntax of Liquid alone, as ``assign`` or ``default: 3``.

    Parameters
    ----------
    text
        The template.
    """
    for is_tag, content in _code(_without_left_out(text)):
        if is_tag and _TAG.match(content):
            return True
        # A colon in a string or in a slice belongs to no filter.
        code = _STRING.sub("_", content)
        for _ in range(_DEPTH):
            code = _SUBSCRIPT.sub("_", code)
        if _WORD.search(code):
            return True
    return False


# The text is searched from left to right, and a missing end is looked for only once. One regular
# expression for the whole would search for it again at every start.


def _without_left_out(text: str) -> str:
    parts, position, endless = [], 0, set()
    for begin in _LEFT_OUT.finditer(text):
        comment = begin[0] == "{#"
        if begin.start() < position or comment in endless:
            continue
        end = text.find("#}", begin.end()) + 2 if comment else _end(_ENDRAW, text, begin.end())
        if end <= 1:
            endless.add(comment)
            continue
        parts.append(text[position : begin.start()])
        position = end
    return "".join([*parts, text[position:]])


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.search(text, position)
    return found.end() if found else 0


def _code(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the content of each tag and expression, and whether it is a tag."""
    position, endless = 0, set()
    for begin in re.finditer(r"\{[%{]", text):
        is_tag = begin[0] == "{%"
        if begin.start() < position or is_tag in endless:
            continue
        end = text.find("%}" if is_tag else "}}", begin.end())
        if end < 0:
            endless.add(is_tag)
            continue
        position = end + 2
        content = text[begin.end() : end]
        content = content[1:] if content[:1] in ("-", "+") else content
        content = content[:-1] if content[-1:] in ("-", "+") else content
        yield is_tag, content.strip()


def check_ends(text: str) -> None:
    """Refuse a text that makes liquidpy search for a missing end forever.

    Raises
    ------
    ExceededError
        For such a text.
    """
    position = 0
    while begin := _COMMENT.search(text, position):
        position = _end(_ENDCOMMENT, text, begin.end())
        if not position:
            raise ExceededError("a 'comment' is not closed by 'endcomment'")
    last = text.rfind("{{*")
    if last >= 0 and text.find("}}", last) < 0:
        raise ExceededError("'{{*' is not closed by '}}'")


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
    from jinja2.runtime import LoopContext

    from asimov.compat import liquid_filters
    from asimov.rendering.sandbox import Sandbox
    from asimov.rendering.views import OF_JINJA

    base = Sandbox()
    base.functions = {"int": int, "float": float, "str": str, "bool": bool}
    base.constants = ("nil",)
    base.added = liquid_filters.FILTERS
    base.readable = {**OF_JINJA, LoopContext: OF_JINJA[LoopContext] | {"liquid_cycle"}}
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
    """Raise where liquidpy does, but with a readable message."""
    from jinja2 import Undefined

    if isinstance(container, Undefined):
        container[item]  # raises, with the name of what is undefined
    if not hasattr(container, "__contains__"):
        raise TypeError(f"{container!r} can't contain {item!r}")
    return bool(container.__contains__(item))


#: Published templates get inputs from ``production`` when they need them. Computing them for every
#: template could raise: an input's pipeline may fail.
LIQUID = Dialect(is_liquid, environment, sandbox, check_ends, reads_inputs=False)
