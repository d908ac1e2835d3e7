"""The names that packages import from `asimov.auth`: renew the token for LIGO-Virgo-KAGRA data.

bilby_pipe decorates its `build_dag` and `before_submit` with `refresh_scitoken`, and RIFT its
`build_dag`. Nothing is done unless the configuration has a section ``[authentication]``. Its
options ``kinit options``, ``htgettoken options`` and ``scopes`` are the arguments of the programs
``kinit``, ``htgettoken`` and ``condor_vault_storer``, which are run in this order. One whose option
is not set is left out.
"""

from __future__ import annotations

import functools
import shlex
import subprocess
from collections.abc import Callable
from typing import Any, TypeVar

from asimov.compat.globals import config
from asimov.logs import logger

#: The programs with the options that hold their arguments, in the order in which they are run.
_PROGRAMS = (
    ("kinit", "kinit options"),
    ("htgettoken", "htgettoken options"),
    ("condor_vault_storer", "scopes"),
)
#: How long one of them may take, in seconds: none of them has anybody to ask.
_PATIENCE = 120

Function = TypeVar("Function", bound=Callable[..., Any])


def refresh_scitoken(function: Function) -> Function:
    """Decorate a function so that the token is renewed before each call.

    Arguments and result are passed through. If a program fails or is not installed, that is
    logged and the function is called anyway: the old token may still be valid.
    """

    @functools.wraps(function)
    def renewing(*arguments: Any, **named: Any) -> Any:
        renew()
        return function(*arguments, **named)

    return renewing  # type: ignore[return-value]


def renew() -> None:
    """Run the programs that the section ``[authentication]`` has arguments for."""
    if not config.has_section("authentication"):
        return
    log = logger().getChild("auth")
    for program, option in _PROGRAMS:
        given = config.get("authentication", option, fallback=None)
        if given is None:
            continue
        command = [program, *shlex.split(given)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=_PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            log.error("%s: %s", shlex.join(command), error)
            continue
        write = log.error if done.returncode else log.info
        write("%s ended with %d\n%s", shlex.join(command), done.returncode, done.stdout.strip())
