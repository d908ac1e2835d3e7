"""Load HTCondor's Python bindings, only `htcondor2`, and work around their faults."""

from __future__ import annotations

import ctypes
import sys
import warnings
from contextlib import nullcontext
from typing import Any

from asimov.errors import SchedulerUnreachableError
from asimov.system.files import captured_output


def bindings() -> Any:
    """Return the module ``htcondor2``.

    Raises
    ------
    SchedulerUnreachableError
        Where it is not installed or finds no configuration.
    """
    try:
        # Without HTCondor it warns and prints; the caller reports that in one line.
        loaded = "htcondor2" in sys.modules
        with warnings.catch_warnings(), nullcontext() if loaded else captured_output():
            warnings.simplefilter("ignore")
            import htcondor2
    except ImportError as error:
        raise SchedulerUnreachableError(
            f"HTCondor's Python bindings can't be loaded ({error})",
            hint="run 'pip install htcondor' in the environment that asimov runs in",
        ) from error
    return htcondor2


def message_of(error: Exception) -> str:
    """Return the message of an exception of the bindings as one line."""
    text = " ".join(str(error).split())
    return text or f"{type(error).__name__} without a message"


def restore_none() -> None:
    """Restore the references to None that ``Schedd.submit`` of the bindings loses.

    Measured with 25.14.1: each call loses one or two, and a process that has submitted some
    thousand times dies with "Fatal Python error: none_dealloc"; restoring one too many does no
    harm. From Python 3.12 on None is immortal.
    """
    if sys.version_info < (3, 12):
        for _ in range(2):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))
