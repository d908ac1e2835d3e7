"""Macros of the submit language: write text so that HTCondor finds none in it.

HTCondor expands ``$(NAME)`` and ``$FUNCTION(...)`` when a job is submitted, and ``$$(NAME)`` in its
program, arguments, environment and inputs once there is a machine for it. ``$(DOLLAR)`` stands for
a dollar sign in the first pass, ``$$(DOLLARDOLLAR)`` for two of them in the second.

Source: HTCondor's manual, "condor_submit". Measured with 25.14.1: a submission turns
``$(DOLLAR)$(DOLLAR)(OpSys)`` into ``$$(DOLLAR)(OpSys)``, which holds the job.
"""

from __future__ import annotations

import re

#: The number of each process of a job.
PROCESS = "$(Process)"
#: How a job's words write two dollar signs.
TWO_DOLLARS = "$$(DOLLARDOLLAR)"
_TWICE = re.compile(r"\$\(DOLLAR\)\(DOLLAR\b", re.IGNORECASE)
_MACROS = re.compile(r"\$+(?=\w*\()")
_OTHERS = re.compile(r"(?:\$(?!\(Process\)))+(?=\w*\(|\$\(Process\))")


def literal(text: str, *, process: bool = False) -> str:
    """Return a job's program, argument, variable or input as the submit language writes it.

    Parameters
    ----------
    text
        The text.
    process
        Whether `PROCESS` in it stays a macro.

    Examples
    --------
    >>> literal("$(x) $$(y) a$b")
    '$(DOLLAR)(x) $$(DOLLARDOLLAR)(y) a$b'
    """
    return (_OTHERS if process else _MACROS).sub(_written, text)


def fault_of_macros(text: str) -> str | None:
    """Return why a text can't be written so that HTCondor leaves it as it is, or None."""
    # Measured: what a submission makes of '$(DOLLAR)(DOLLAR)' is expanded once more.
    found = _TWICE.search(literal(text))
    return "holds '$(DOLLAR)', which HTCondor takes for a dollar sign" if found else None


def _written(found: re.Match[str]) -> str:
    pairs, single = divmod(len(found[0]), 2)
    return TWO_DOLLARS * pairs + "$(DOLLAR)" * single
