"""The dialects of templates: Jinja, and what packages publish under `asimov.dialects`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from asimov.discovery import extensions

if TYPE_CHECKING:
    import jinja2

    from asimov.rendering.sandbox import Sandbox


def _accept(text: str) -> None:
    pass


class Dialect(msgspec.Struct, frozen=True):
    """One dialect, which is rendered by an environment of Jinja.

    Parameters
    ----------
    matches
        Takes a template's text; returns whether it is written in this dialect.
    environment
        Returns an environment for templates that are code, without a loader.
    sandbox
        Returns an environment for templates that are data, without a loader. `Sandbox.contain` is
        called on it.
    check
        Takes a template's text; raises `ExceededError` if its parser can't handle it.
    reads_inputs
        Whether ``inputs`` and ``assets`` are among the names that templates may use.
    """

    matches: Callable[[str], bool]
    environment: Callable[[], jinja2.Environment]
    sandbox: Callable[[], Sandbox]
    check: Callable[[str], None] = _accept
    reads_inputs: bool = True


def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # configurations, not web pages
    )


def _sandbox() -> Sandbox:
    import jinja2

    from asimov.rendering.sandbox import Sandbox

    return Sandbox(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)


#: The dialect of every template that no other dialect matches.
JINJA = Dialect(lambda text: False, _environment, _sandbox)


def dialects() -> dict[str, Dialect]:
    """Return the dialects by name.

    Raises
    ------
    ExtensionError
        If a package's dialect can't be loaded: its templates would be taken for Jinja.
    """
    added = extensions.points(extensions.DIALECTS)
    return {"jinja": JINJA, **{point.name: extensions.load(point) for point in added}}


def dialect_of_text(text: str) -> str:
    """Return the name of the dialect that a template is written in.

    Raises
    ------
    ExtensionError
        As of `dialects`.
    """
    return next((name for name, each in dialects().items() if each.matches(text)), "jinja")
