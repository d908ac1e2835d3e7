"""Safe names: of uploaded files, in response headers, and of functions in analysis names."""

from __future__ import annotations

import re
import unicodedata

#: The most bytes of a name.
_LONGEST = 200


def file_name(given: str) -> str:
    r"""Return a name for a file that is like the one that was given, and only a name.

    Examples
    --------
    >>> file_name("../../etc/passwd"), file_name("C:\\scans\\ct.nii.gz"), file_name("..")
    ('passwd', 'ct.nii.gz', 'file')
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    plain = "".join(each if each.isprintable() and each not in '"' else "_" for each in last)
    plain = plain.strip().lstrip(".")
    while len(plain.encode()) > _LONGEST:  # its beginning goes: the end says what it is
        plain = plain[1:]
    return plain or "file"


def header_name(name: str) -> str:
    """Return the name as it stands in a header, without quotes.

    Examples
    --------
    >>> header_name("Maß; 1.csv")
    'Ma_; 1.csv'
    """
    plain = unicodedata.normalize("NFKD", file_name(name))
    kept = "".join(each for each in plain if not unicodedata.combining(each))
    return "".join(each if each.isascii() else "_" for each in kept)


def slug(name: str) -> str:
    """Return a function's name as a part of an analysis's.

    Examples
    --------
    >>> slug("My Segmentation Tool (2)")
    'my-segmentation-tool-2'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "call"
