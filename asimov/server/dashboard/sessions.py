"""Read-only sessions for browsers on other machines: a key once, then a cookie that expires.

The cookie is no key: other services on this machine would be sent it too, since browsers don't
tell ports apart. It is random, works at this service only until it ends, and only for reading.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie

#: The name of the cookie.
COOKIE = "asimov-reading"
#: The seconds for which a browser may read, and how many browsers may at once.
LASTS = 12 * 3600.0
_MOST = 1000


class Sessions:
    """The browsers that may read."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def open(self, key: str) -> str:
        """Let a browser read; return what its cookie says.

        Parameters
        ----------
        key
            The name of the key that it showed.
        """
        token = secrets.token_urlsafe(32)
        self._known[token] = (key, time.monotonic() + LASTS)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return token

    def key_of(self, cookies: str) -> str | None:
        """Return the name of the key that a browser showed; None if it showed none.

        Parameters
        ----------
        cookies
            The header ``Cookie`` of its request.
        """
        try:
            found = SimpleCookie(cookies).get(COOKIE)
        except CookieError:
            return None
        name, until = self._known.get(found.value, (None, 0.0)) if found else (None, 0.0)
        return name if time.monotonic() < until else None
