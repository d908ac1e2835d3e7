"""How a notification goes out: to a webhook, to the local sendmail, or to a command."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asimov import text
from asimov._version import __version__
from asimov.engine.notifications import messages
from asimov.engine.notifications.calls import address_of, is_call
from asimov.engine.notifications.rules import MATTERMOST, SLACK, Rule, Source, wrong_address
from asimov.errors import AsimovError
from asimov.system import clock, reading
from asimov.system.child_process import ChildProcess, exit_text

#: Seconds that a receiver has for each step of an answer, and a command or sendmail for all.
ANSWER = 10.0
COMMAND = 30.0
#: The most bytes of a secret, or of an address that is secret.
_SECRET = 10_000
_AGENT = f"asimov/{__version__}"
#: Answers that refuse this request; a different one may be accepted. (RFC 9110; 425: RFC 8470)
_TRY_LATER = {408, 425, 429}
#: Where programs that are called ``sendmail`` are, besides PATH.
_SENDMAIL = ("/usr/sbin", "/usr/lib", "/usr/local/sbin")


class NotDeliveredError(AsimovError):
    """A message was not delivered, as far as is known.

    Attributes
    ----------
    alone
        Whether other messages to the same receiver may get through.
    """

    def __init__(self, message: str, *, alone: bool = False) -> None:
        super().__init__(message)
        self.alone = alone


def deliver(rule: Rule, events: Sequence[Mapping[str, Any]], root: Path) -> None:
    """Deliver events in one message; return once the receiver has taken it.

    Parameters
    ----------
    rule
        The rule.
    events
        The events; a single one unless the rule's message is text (see `takes`).
    root
        The project's folder, where commands run; relative paths of secrets start there.

    Raises
    ------
    NotDeliveredError
        If the receiver did not take it, or that is not known.
    """
    if is_call(rule):
        _call(rule, events[0])
    elif rule.webhook:
        _post(rule, events, root)
    elif rule.email:
        program = shutil.which("sendmail") or shutil.which("sendmail", path=":".join(_SENDMAIL))
        if program is None:
            raise NotDeliveredError("there is no program 'sendmail' here")
        # -i: a line with a dot ends nothing; -t: the recipients are those of the message.
        _run([program, "-i", "-t"], messages.mail(events, rule.email), root)
    else:
        _run(rule.command, messages.body(events[0]), root)


def takes(rule: Rule) -> int:
    """Return how many events one message of a rule may hold."""
    return messages.MOST_LINES if rule.email or rule.format in {SLACK, MATTERMOST} else 1


def _post(rule: Rule, events: Sequence[Mapping[str, Any]], root: Path) -> None:
    assert rule.webhook is not None
    address = _value(rule.webhook, root)
    if wrong := wrong_address(address) if not rule.webhook.kind else _wrong_secret(address):
        raise NotDeliveredError(f"the address of the webhook {wrong}")
    headers = {"Content-Type": "application/json"}
    if rule.format == SLACK:
        content = messages.slack(events)
    elif rule.format == MATTERMOST:
        content = messages.mattermost(events)
    else:
        content = messages.body(events[0])
        headers["Content-Type"] = "application/cloudevents+json; charset=utf-8"
        headers |= _signed(rule, str(events[0]["id"]), content, root)
    _send(address, content, headers)


def _call(rule: Rule, message: Mapping[str, Any]) -> None:
    """Call a webhook or a registry as its protocol says: everything is in the address."""
    try:
        address = address_of(rule, message, lambda place, most: _send(place, None, {}, most))
    except AsimovError as error:
        if isinstance(error, NotDeliveredError):
            raise
        raise NotDeliveredError(error.message) from error
    _send(address, b"", {})


def _send(
    address: str, content: bytes | None, headers: dict[str, str], most: int = _SECRET
) -> bytes:
    """Make a request; return the beginning of the answer, and nothing of a POST, with content.

    What a POST's receiver says after its 2xx is of no use, and may never end.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class NoRedirects(HTTPRedirectHandler):
        """Where a request is sent on to is another receiver, and a POST becomes a GET."""

        def redirect_request(self, *_: Any) -> None:
            return None

    method = "GET" if content is None else "POST"
    try:
        request = Request(address, content, {"User-Agent": _AGENT, **headers}, method=method)
        with build_opener(NoRedirects).open(request, timeout=ANSWER) as answer:
            return bytes(answer.read(most)) if content is None else b""
    except HTTPError as error:
        error.close()
        alone = 400 <= error.code < 500 and error.code not in _TRY_LATER
        raise NotDeliveredError(f"the answer was {error.code}", alone=alone) from error
    except (OSError, HTTPException, ValueError) as error:
        # Never with the address, which may be secret.
        cause = getattr(error, "reason", None) or error
        said = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        if isinstance(cause, TimeoutError):
            said = f"no answer within {ANSWER:g} s"
        said = said.replace(address, "...")
        raise NotDeliveredError(text.short(text.line(said))) from error


def _wrong_secret(address: str) -> str | None:
    """Return what is wrong with an address that is secret; a password in it is no fault."""
    bare = address.partition("//")
    host = bare[2].rpartition("@")[2] if "@" in bare[2].partition("/")[0] else bare[2]
    return wrong_address(f"{bare[0]}{bare[1]}{host}")


def _signed(rule: Rule, number: str, content: bytes, root: Path) -> dict[str, str]:
    """Return the headers of Standard Webhooks; the signature only if the rule has a secret."""
    moment = int(clock.now())
    headers = {"webhook-id": number, "webhook-timestamp": str(moment)}
    if rule.secret is not None:
        key = _value(rule.secret, root).encode()
        try:
            headers["webhook-signature"] = messages.signature(key, number, moment, content)
        except ValueError:
            raise NotDeliveredError("what follows whsec_ in the secret is not base64") from None
    return headers


def _value(source: Source, root: Path) -> str:
    """Return an address or a secret from where it is."""
    if not source.kind:
        return source.value
    if source.kind == "variable":
        value = os.environ.get(source.value, "")
    else:
        path = root / Path(source.value).expanduser()
        try:
            value = reading.contents(path, most=_SECRET).decode()
        except (OSError, UnicodeDecodeError, AsimovError) as error:
            why = getattr(error, "strerror", None) or "it is not a short file of text"
            raise NotDeliveredError(f"{source.value} can't be read: {why}") from None
    if not value.strip():
        raise NotDeliveredError(f"the {source.kind} {source.value} is empty, or not set")
    return value.strip()


def _run(command: Sequence[str], given: bytes, root: Path) -> None:
    """Run a program that reads a message."""
    with tempfile.TemporaryFile() as output:
        try:
            process = ChildProcess(command, COMMAND, given=given, output=output, folder=root)
        except OSError as error:
            raise NotDeliveredError(f"{command[0]} can't be run: {error.strerror}") from error
        try:
            while not process.is_over:
                time.sleep(0.02)
        finally:
            code = process.close()
        if code == 0:
            return
        output.seek(max(0, output.seek(0, os.SEEK_END) - _SECRET))
        said = text.of_bytes(output.read()).strip().splitlines()[-1:]
    ended = f"did not end within {COMMAND:g} s" if code is None else f"ended with {exit_text(code)}"
    last = f": {text.short(text.line(said[0]))}" if said else ""
    raise NotDeliveredError(f"{Path(command[0]).name} {ended}{last}")
