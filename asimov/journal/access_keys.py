"""The keys with which programs use the service: each has a name, and only its hash is kept.

A key is 256 random bits, so nobody can try all of them, and one round of SHA-256 hides it as well
as a slow hash would: those are for passwords, which people choose. The hash of what a client sends
is compared with every hash that is kept, in a time that does not depend on where they differ.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import NamedTuple

from asimov.errors import AsimovError
from asimov.journal.database import Database
from asimov.system import clock
from asimov.text import did_you_mean, quoted

#: How many requests a minute a key may make unless it is given another number.
RATE = 600
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_COLUMNS = "name, digest, start, owner, made, read_only, rate, used, revoked"
#: The last use of a key is recorded again after so many seconds.
_MINUTE = 60.0


class AccessKey(NamedTuple):
    """A key, without the key itself.

    Attributes
    ----------
    name
        Its name, for the log.
    digest
        The SHA-256 of the key, in hexadecimal.
    start
        Its first 8 characters.
    owner
        The user who added it.
    made, used, revoked
        When it was added, last used (to the minute) and revoked, in seconds since the epoch.
    read_only
        Whether it may only read.
    rate
        How many requests a minute it may make.
    """

    name: str
    digest: str
    start: str
    owner: str
    made: float
    read_only: bool
    rate: int
    used: float | None = None
    revoked: float | None = None


class AccessKeys:
    """The keys of a project.

    Parameters
    ----------
    journal
        Where they are kept.
    """

    def __init__(self, journal: Database) -> None:
        self._journal = journal

    def all(self) -> list[AccessKey]:
        """Return every key, also those that were revoked, by name."""
        rows = self._journal.rows(f"SELECT {_COLUMNS} FROM access_keys ORDER BY name")
        return [AccessKey(*row)._replace(read_only=bool(row[5])) for row in rows]

    def add(self, name: str, owner: str, *, read_only: bool = False, rate: int = RATE) -> str:
        """Add a key and return it: it can't be read again.

        Raises
        ------
        AsimovError
            If the name is or was in use by a key: of that name, or it can't be a name.
        """
        if not _NAME.fullmatch(name):
            raise AsimovError(
                f"{quoted(name)} can't be the name of a key",
                hint="a name has up to 64 letters, digits and any of _ . @ -",
            )
        key = secrets.token_urlsafe(32)
        while not key[0].isalnum():  # on a command line it would look like an option
            key = secrets.token_urlsafe(32)
        with self._journal.durably():
            made = self._journal.write(
                f"INSERT OR IGNORE INTO access_keys ({_COLUMNS}) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                (name, _digest(key), key[:8], owner, clock.now(), int(read_only), rate),
            )
        if not made:
            raise AsimovError(
                f"the name {name!r} has already been used for a key",
                hint="choose another: in the log, this name refers to the earlier key",
            )
        return key

    def revoke_all(self) -> None:
        """Revoke every key."""
        self._journal.write(
            "UPDATE access_keys SET revoked = ? WHERE revoked IS NULL", (clock.now(),)
        )

    def revoke(self, name: str) -> bool:
        """Revoke a key, for good; return whether it was not revoked before.

        Raises
        ------
        AsimovError
            If there is none of that name.
        """
        names = [each.name for each in self.all()]
        if name not in names:
            known = did_you_mean(name, names)
            raise AsimovError(
                f"there is no key {quoted(name)}{known}",
                hint="'asimov manage key --list' lists them",
            )
        with self._journal.durably():
            return bool(
                self._journal.write(
                    "UPDATE access_keys SET revoked = ? WHERE name = ? AND revoked IS NULL",
                    (clock.now(), name),
                )
            )

    def record_use(self, name: str) -> None:
        """Record that a key was used now, to the minute."""
        now = clock.now()
        self._journal.write(
            "UPDATE access_keys SET used = ? WHERE name = ? AND coalesce(used, 0) < ?",
            (now, name, now - _MINUTE),
        )


def matching(keys: Iterable[AccessKey], given: str) -> AccessKey | None:
    """Return the key that somebody gave, unless it was revoked; None if it is none.

    Parameters
    ----------
    keys
        The keys that there are.
    given
        What was given.
    """
    digest = _digest(given)
    found = None
    for each in keys:  # to the end, so that the time tells nothing
        if hmac.compare_digest(each.digest, digest) and each.revoked is None:
            found = each
    return found


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
