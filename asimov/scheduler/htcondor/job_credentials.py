"""Obtain the credentials that a job asks for: ``condor_submit`` does, the Python bindings don't.

Measured with 25.14.1: ``Submit.issue_credentials`` runs the program ``SEC_CREDENTIAL_PRODUCER``,
where one is configured, and has the tokens made that ``use_oauth_services`` names. It returns the
address of a page where the user has to allow them first, or None.
"""

from __future__ import annotations

import time
from typing import Any

from asimov.errors import CredentialsError
from asimov.scheduler.htcondor.bindings import bindings, message_of

#: For this many seconds a Kerberos credential counts as just sent: each run of the program costs.
_FRESH = 600.0
_sent = float("-inf")


def request_credentials(submit: Any, where: str) -> None:
    """Have the credentials made that a job asks for.

    Parameters
    ----------
    submit
        The submit commands, as the bindings' object.
    where
        The schedd, for the error.

    Raises
    ------
    CredentialsError
        Where they can't be made, or the user has to allow them in a browser first.
    """
    global _sent  # noqa: PLW0603  (one credential for the process)
    commands = {name.lower(): str(value).strip() for name, value in submit.items()}
    services = commands.get("use_oauth_services")
    sends = commands.get("my.sendcredential", "").lower() == "true"
    if services:
        what = f"tokens of {services}"
    elif (
        sends
        and bindings().param.get("SEC_CREDENTIAL_PRODUCER")
        and time.monotonic() - _sent > _FRESH
    ):
        what = "your Kerberos credentials"
    else:
        return
    try:
        page = submit.issue_credentials()
    except bindings().HTCondorException as error:
        raise CredentialsError(
            f"the job requests {what}, which are not available: {message_of(error)}",
            where=where,
            hint="submit from an access point that issues them; if the job needs none, set the "
            "submit command that requests them, such as use_oauth_services, to null in 'scheduler'",
        ) from error
    if page:
        raise CredentialsError(
            f"the job requests {what}, which you have to authorise at {page}",
            where=where,
            hint="open that page in a browser, then submit again, as 'asimov monitor --chain' does",
        )
    _sent = time.monotonic()
