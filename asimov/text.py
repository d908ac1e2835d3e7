"""Make untrusted text safe to show, shorten values for messages, and suggest similar names.

The end of an error file, a comment or a file name may contain terminal control sequences, or
characters that reverse the direction of text and so change what a reader sees. They are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: The most characters of one value in a message.
MOST = 200
#: The most characters of a whole message.
_LONGEST = 1000

#: Control characters (C0 but for line feed and tab, DEL, C1), separators of lines and paragraphs,
#: marks, overrides and isolates of the direction, byte order marks, characters that are invisible
#: (zero-width spaces, fillers, tags) but for the joiners that scripts and emoji need, and lone
#: surrogates, which stand for bytes that are no text.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-"
    "\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
#: A long value in a message: text in quotes, or text without spaces.
_VALUE = re.compile(
    r"""(?<!\w)(?:'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*")|"""
    rf"\S{{{MOST + 1},}}",
    re.DOTALL,
)

#: What remains of a value full of quotes; longer than anything that `_VALUE` leaves.
_UNBROKEN = re.compile(rf"\S{{{MOST + 60},}}")


def block(text: str) -> str:
    """Escape what is unsafe to show in text of several lines; tabs stay."""
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_escaped, text)


def line(text: str) -> str:
    r"""Escape what is unsafe to show, and line breaks too.

    Examples
    --------
    >>> print(line("done\nerror: \x1b[31mno"))
    done\nerror: \x1b[31mno
    """
    return block(text).replace("\n", "\\n")


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] == "\r":
        return "\\r"
    if code < 256:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def of_bytes(data: bytes) -> str:
    """Decode bytes as UTF-8; invalid bytes are escaped."""
    return data.decode("utf-8", "backslashreplace")


def encodable(text: str) -> str:
    """Escape lone surrogates, which UTF-8 can't encode."""
    return text.encode("utf-8", "backslashreplace").decode()


def short(text: str, most: int = MOST) -> str:
    """Return text, or its beginning and its length if it is long."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def quoted(value: object, most: int = MOST) -> str:
    """Return the `repr` of a value, shortened if it is long.

    Examples
    --------
    >>> quoted("a" * 1000, 5)
    "'aaaaa...' (1000 characters)"
    """
    if isinstance(value, str):
        shown = repr(value[:most])
        if len(value) <= most and len(shown) <= most + 2:
            return shown
        return f"{shown[:-1][: most + 1]}...{shown[-1]} ({len(value)} characters)"
    try:
        return short(line(repr(value)), most)
    except ValueError:  # an integer of more digits than Python writes
        return f"a value of type {type(value).__name__}"


def listed(names: Iterable[object], most: int = 10) -> str:
    """Return names separated by commas: the first ones, each shortened."""
    every = [short(str(name), MOST // 4) for name in names]
    return ", ".join(every[:most]) + (", ..." if len(every) > most else "")


def counted(count: int, name: str, plural: str = "") -> str:
    """Return a number with the name of what is counted.

    Examples
    --------
    >>> counted(1, "file"), counted(2, "file"), counted(0, "analysis", "analyses")
    ('1 file', '2 files', '0 analyses')
    """
    return f"{count} {name if count == 1 else plural or name + 's'}"


def amount(size: float) -> str:
    """Return a number of bytes for people.

    Examples
    --------
    >>> amount(999), amount(1_234_567)
    ('999 B', '1.2 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def nearest(name: object, known: Iterable[object], cutoff: float = 0.6) -> str | None:
    """Return the known name that resembles another most, or None if none does.

    Parameters
    ----------
    name
        The name that was given.
    known
        The names to choose from; those that are not text are ignored.
    cutoff
        How alike the names must be, from 0 (anything) to 1 (the same).
    """
    import difflib  # only needed once something is wrong

    given, names = str(name), [each for each in known if isinstance(each, str)]
    longest = max(map(len, names), default=0)
    if 2 * longest < cutoff * (len(given) + longest):  # so much longer than all that none is alike
        return None
    found = difflib.get_close_matches(given, names, 1, cutoff)
    return found[0] if found else None


def did_you_mean(name: object, known: Iterable[object], cutoff: float = 0.6) -> str:
    """Return ``; did you mean 'NAME'?`` with the nearest known name, or an empty text.

    See `nearest` for the parameters.

    Examples
    --------
    >>> did_you_mean("redy", ["ready", "running"])
    "; did you mean 'ready'?"
    """
    near = nearest(name, known, cutoff)
    return "" if near is None else f"; did you mean {near!r}?"


def joined(*parts: str) -> str:
    """Join parts of a message with semicolons; what follows a question begins a sentence.

    Examples
    --------
    >>> joined("there is no 'b'; did you mean 'a'?", "there are a and c")
    "there is no 'b'; did you mean 'a'? There are a and c"
    >>> joined("it waits", "", "for b")
    'it waits; for b'
    """
    message = ""
    for part in filter(None, parts):
        if message.endswith("?"):
            message += f" {part[0].upper()}{part[1:]}"
        else:
            message += f"; {part}" if message else part
    return message


def bounded(message: str) -> str:
    """Shorten every value of more than `MOST` characters in a message.

    Code that writes messages shortens its values itself; this catches those it forgot.
    """
    if len(message) <= MOST:
        return message
    length = len(message)
    message = _UNBROKEN.sub(_cut, _VALUE.sub(_cut, message))
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}... ({length} characters)"


def _cut(found: re.Match[str]) -> str:
    value = found[0]
    if len(value) <= MOST + 2 or (len(value) <= MOST + 5 and value.rstrip("'\"").endswith("...")):
        return value  # short, or shortened already
    end = value[-1] if value[0] in "'\"" and value[-1] == value[0] else ""
    return f"{value[: MOST + len(end)]}...{end} ({len(value) - 2 * len(end)} characters)"
