"""The rules for notifications: whom to notify of a change of state, when, and how.

Each is a section ``[notify NAME]`` of the configuration, the project's or the user's own. They are
no part of the ledger: a ledger from somebody else must not run a command here, or tell others what
happens here. What is secret is in a file or in a variable of the environment that a rule names.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from configparser import ConfigParser
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import msgspec

from asimov import text
from asimov.configuration import PROJECT_FILE
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.states import STATES
from asimov.text import did_you_mean, quoted

#: How the section of a rule begins.
SECTION = "notify "
#: The formats of webhooks.
CLOUDEVENTS, SLACK, MATTERMOST = FORMATS = ("cloudevents", "slack", "mattermost")

_WEBHOOKS = ("webhook", "webhook file", "webhook variable")
_SECRETS = ("secret file", "secret variable")
_CHANNELS = (*_WEBHOOKS, "email", "command")
_KEYS = (*_CHANNELS, "format", *_SECRETS, "states", "analyses", "labels")
#: Keys under which people might write a secret into the configuration.
_SECRET = frozenset({"secret", "token", "password", "key"})
_INSTEAD = "'{0} file' names a file that contains it, '{0} variable' an environment variable"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
#: An address that is safe in a header and as an argument; the mail system knows the rest.
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~][\w.!#$%&'*+/=?^`{|}~-]*(@[\w.:\[\]-]+)?", re.ASCII)
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]")


class Source(msgspec.Struct, frozen=True):
    """Where a value is: itself, or in a file or a variable of the environment.

    Attributes
    ----------
    kind
        ``""``, ``file`` or ``variable``.
    value
        The value, or the name of the file or variable.
    """

    kind: str
    value: str


class Rule(msgspec.Struct, frozen=True):
    """Whom to notify of a change of state, when, and how.

    Attributes
    ----------
    webhook
        The address to post to; None if the rule has another channel.
    format
        One of `FORMATS`.
    secret
        The key that messages are signed with; None for unsigned ones.
    email
        The recipients.
    command
        The program and its arguments.
    states
        The states that analyses enter; empty for all.
    analyses
        Patterns ``SUBJECT`` or ``SUBJECT/NAME``; empty for all.
    labels
        Labels; the analysis has one of them. Empty for all.
    """

    name: str
    webhook: Source | None = None
    format: str = CLOUDEVENTS
    secret: Source | None = None
    email: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    analyses: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def channel(self) -> str:
        """``webhook``, ``slack``, ``mattermost``, ``email`` or ``command``."""
        if self.webhook:
            return "webhook" if self.format == CLOUDEVENTS else self.format
        return "email" if self.email else "command"

    @property
    def target(self) -> str:
        """Where messages go, for people; an address that is secret is not shown."""
        if self.webhook:
            kind, value = self.webhook.kind, self.webhook.value
            return f"the address in the {kind} {value}" if kind else value
        return ", ".join(self.email) or shlex.join(self.command)

    def fits(self, key: Key, state: str, labels: Iterable[str]) -> bool:
        """Return whether it is about an analysis with these labels that enters a state."""
        return (
            (not self.states or state in self.states)
            and (not self.analyses or any(_fits(pattern, key) for pattern in self.analyses))
            and (not self.labels or not {*self.labels}.isdisjoint(labels))
        )


def _fits(pattern: str, key: Key) -> bool:
    subject, slash, name = pattern.partition("/")
    return fnmatchcase(key.subject, subject) and (not slash or fnmatchcase(key.name, name))


class Rules(msgspec.Struct, frozen=True):
    """The rules of a project.

    Attributes
    ----------
    usable
        The rules by name.
    faults
        What is wrong with the other ones: an error by name.
    """

    usable: dict[str, Rule]
    faults: dict[str, AsimovError]


def rules_of(config: ConfigParser) -> Rules:
    """Return the rules of a configuration, and what is wrong with those that can't be used."""
    usable, faults = {}, {}
    for section in config.sections():
        if section.startswith(SECTION):
            name = section.removeprefix(SECTION).strip()
            try:
                usable[name] = _rule(name, section, dict(config.items(section)))
            except AsimovError as error:
                faults[name] = error
    return Rules(usable, faults)


def _rule(name: str, section: str, given: dict[str, str]) -> Rule:
    for key, value in given.items():
        check(section, key, value)
    for keys in (_CHANNELS, _SECRETS):
        named = [key for key in keys if key in given]
        if len(named) > 1:
            raise _error(section, f"{named[0]!r} and {named[1]!r} can't be combined", named[1])
    if not any(key in given for key in _CHANNELS):
        raise _error(
            section, f"does not say how to notify: set one of {', '.join(map(repr, _CHANNELS))}"
        )
    webhook = _source(given, _WEBHOOKS)
    for key in ("format", *_SECRETS):
        if key in given and webhook is None:
            raise _error(section, "works only for webhooks", key)
    format_ = given.get("format", CLOUDEVENTS)
    if format_ != CLOUDEVENTS:
        if webhook and not webhook.kind:
            raise _error(
                section,
                f"the address of a webhook of {format_} is a secret, which does not belong in "
                f"the configuration; {_INSTEAD.format('webhook')}",
                "webhook",
            )
        if named := [key for key in _SECRETS if key in given]:
            raise _error(section, f"messages to {format_} are not signed", named[0])
    return Rule(
        name,
        webhook=webhook,
        format=format_,
        secret=_source(given, _SECRETS),
        email=_words(given.get("email")),
        command=tuple(shlex.split(given.get("command", ""))),
        states=_words(given.get("states")),
        analyses=_words(given.get("analyses")),
        labels=_words(given.get("labels")),
    )


def _source(given: dict[str, str], keys: tuple[str, ...]) -> Source | None:
    found = [key for key in keys if key in given]
    return Source(found[0].partition(" ")[2], given[found[0]]) if found else None


def _words(value: str | None) -> tuple[str, ...]:
    """Return words that are separated by commas."""
    return tuple(filter(None, (each.strip() for each in (value or "").split(","))))


def check(section: str, key: str, value: str) -> None:
    """Refuse an option of a rule that makes no sense.

    Parameters
    ----------
    section, key, value
        The option: its section, which begins with `SECTION`, its name, and its value.

    Raises
    ------
    AsimovError
        If the rule's name, the option or its value is invalid.
    """
    name = section.removeprefix(SECTION).strip()
    if not _NAME.fullmatch(name):
        raise _error(
            section, f"{quoted(name)} is not a name for a rule: use letters, digits and _.-"
        )
    if key in _SECRET:
        raise _error(
            section,
            f"a secret does not belong in the configuration; {_INSTEAD.format('secret')}",
            key,
        )
    if key not in _KEYS:
        near = did_you_mean(key, _KEYS) or f"; the options are {', '.join(_KEYS)}"
        raise _error(section, f"{quoted(key)} is not an option of a rule{near}")
    if wrong := _wrong(key, value):
        raise _error(section, wrong, key)


def check_change(given: Mapping[str, str], section: str, key: str, value: str) -> None:
    """Refuse an option that makes no sense, by itself or in its rule.

    A rule that names no channel yet is not complete: more options are to come.

    Parameters
    ----------
    given
        The options that the rule has.
    section, key, value
        The new option.

    Raises
    ------
    AsimovError
        If no rule could have the option, or this one can't.
    """
    check(section, key, value)
    changed = {**given, key: value}
    if any(channel in changed for channel in _CHANNELS):
        try:
            _rule(section.removeprefix(SECTION).strip(), section, changed)
        except AsimovError as error:
            error.hint = error.hint or f"the other options of the rule are in {PROJECT_FILE}"
            raise


def _error(section: str, message: str, key: str | None = None) -> AsimovError:
    place = f"{section}/{key}" if key else section
    return AsimovError(message, where=f"configuration: {place}")


def _wrong(key: str, value: str) -> str | None:
    """Return what is wrong with the value of an option, or None."""
    if not value.strip() or text.line(value) != value:
        return f"should be one line of text, not {quoted(value)}"
    look = {
        "format": _wrong_format,
        "webhook": wrong_address,
        "webhook variable": _wrong_variable,
        "secret variable": _wrong_variable,
        "command": _wrong_command,
        "email": _wrong_recipients,
        "states": _wrong_states,
        "labels": _wrong_labels,
    }.get(key)
    return look(value) if look else None


def _wrong_labels(value: str) -> str | None:
    said = "a rule takes the names of labels, without comparisons"
    return f"{said}: {quoted(value)}" if any(sign in value for sign in "<>=!") else None


def _wrong_format(value: str) -> str | None:
    near = did_you_mean(value, FORMATS)
    said = f"should be {', '.join(FORMATS)}, not {quoted(value)}{near}"
    return None if value in FORMATS else said


def _wrong_variable(value: str) -> str | None:
    said = f"should be the name of a variable, not {quoted(value)}"
    return None if _VARIABLE.fullmatch(value) else said


def _wrong_command(value: str) -> str | None:
    try:
        shlex.split(value)
    except ValueError as error:
        return f"can't be split into words: {error}"
    return None


def _wrong_recipients(value: str) -> str | None:
    bad = [word for word in _words(value) if not _ADDRESS.fullmatch(word)]
    return f"{quoted(bad[0])} is not an e-mail address" if bad else None


def _wrong_states(value: str) -> str | None:
    for word in _words(value):
        # What resembles none of them may be a state that a package adds.
        if word not in STATES and (near := did_you_mean(word, STATES)):
            return f"there is no state {quoted(word)}{near}"
    return None


def wrong_address(value: str) -> str | None:
    """Return what is wrong with the address of a webhook, or None."""
    try:
        parts = urlsplit(value)
        good = not _SPACE.search(value) and parts.scheme in {"http", "https"} and parts.hostname
        _ = parts.port  # raises
    except ValueError:
        good = None
    if not good:
        return "should be an address such as https://chat.example.org/hook"
    if parts.username is not None or parts.password is not None:
        return f"an address with a password is a secret; {_INSTEAD.format('webhook')}"
    return None
