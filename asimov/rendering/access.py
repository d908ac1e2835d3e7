"""What templates of a project may read of an object.

A class that such templates see says so itself, in the attribute ``for_templates``; its bases add
theirs. A package may do the same: with ``for_templates = reads("flags")`` in the class of a
pipeline, a project's template may call ``pipeline.flags()``. What is not named stays closed, see
`asimov.rendering.views`.
"""

from __future__ import annotations


class RefusedError(Exception):
    """A template asks for something that templates of a project may not read or do."""


def reads(*names: str, **others: str) -> dict[str, str]:
    """Return a table of attributes that only read.

    Parameters
    ----------
    *names
        Attributes and methods that change nothing, fetch nothing and return data.
    **others
        Names with the attribute that is read instead, where the one of that name does more.

    Examples
    --------
    >>> reads("name", work_dir="work_dir_path")
    {'name': 'name', 'work_dir': 'work_dir_path'}
    """
    return {**{name: name for name in names}, **others}
