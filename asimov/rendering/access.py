"""Declare which attributes of an object the templates of a project may read.

A class lists them in its attribute ``for_templates``, and inherits those of its bases. Packages may
do the same: with ``for_templates = reads("flags")`` in a pipeline's class, a project's template may
call ``pipeline.flags()``. Other attributes are closed; see `asimov.rendering.views`.
"""

from __future__ import annotations


class RefusedError(Exception):
    """A template asks for something that templates of a project may not read or do."""


def reads(*names: str, **others: str) -> dict[str, str]:
    """Return a table of attributes that templates may read.

    Parameters
    ----------
    *names
        Attributes, and methods that change nothing, fetch nothing and return data.
    **others
        Names with the attribute to read instead, if the one of that name does more than return
        data.

    Examples
    --------
    >>> reads("name", folder="folder_path")
    {'name': 'name', 'folder': 'folder_path'}
    """
    return {**{name: name for name in names}, **others}
