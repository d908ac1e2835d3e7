"""Recognise that HTCondor refused this user's credentials, and say how to renew them.

Measured with 25.14.1: all requests of the bindings raise `HTCondorException`. With an expired or
missing credential its text holds ``AUTHENTICATE:1003:Failed to authenticate with any method`` and,
for each method that was tried, ``AUTHENTICATE:1004:Failed to authenticate using IDTOKENS``; of
``history`` only ``Failed to authenticate with any method``. Where client and daemon have no method
in common it is ``SECMAN:2005:Protocol Error: No auth methods``. Actions and ``ping`` say nothing of
it, so after their failure a query has to be made.
"""

from __future__ import annotations

import re

_REFUSED = re.compile(r"AUTHENTICATE:\d+|[Ff]ailed to authenticate|No auth methods")
_METHOD = re.compile(r"[Ff]ailed to authenticate using (\w+)")

#: How to renew a credential, by HTCondor's name of the method.
_RENEWAL = {
    "KERBEROS": "'kinit' renews the Kerberos ticket",
    "SCITOKENS": "get a new SciToken, as with 'htgettoken'",
    "IDTOKENS": "get a new token, as with 'condor_token_fetch'",
    "SSL": "renew the certificate or proxy",
}


def refusal(message: str) -> str | None:
    """Return how to renew the credentials if a message of HTCondor says that they were refused.

    Parameters
    ----------
    message
        The message of an exception of the bindings.

    Returns
    -------
    str or None
        A phrase for people; None if the message is about something else.
    """
    if not _REFUSED.search(message):
        return None
    tried = [method.upper() for method in _METHOD.findall(message)]
    known = [_RENEWAL[method] for method in dict.fromkeys(tried) if method in _RENEWAL]
    return " or ".join(known) or "'condor_ping -verbose READ' shows which methods were tried"
