"""Read a form with a file in it: the file goes to disk as it comes, and never into memory.

The format: https://www.rfc-editor.org/rfc/rfc7578
"""

from __future__ import annotations

import asyncio
import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from starlette.requests import Request

from asimov.server.faults import FaultError

#: The field that has the file.
FILE = "file_data"
#: The most parts, and the most bytes of all fields that are no file.
_PARTS, _TEXT = 100, 10_000_000
#: How many bytes of a file wait in memory to be written.
_AT_ONCE = 1 << 20


class Upload(NamedTuple):
    """A file that came with a request.

    Attributes
    ----------
    path
        Where it is; whoever has read the form moves or removes it.
    size
        Its bytes.
    """

    path: Path
    size: int


async def read_form(
    request: Request, media: str, folder: Path | None
) -> tuple[dict[str, str], Upload | None]:
    """Return the fields of a form, and the file in it.

    Parameters
    ----------
    request
        The request.
    media
        Its media type, with the boundary.
    folder
        Where the file goes; None if there should be none.

    Raises
    ------
    FaultError
        If it can't be read or written; then no file is left.
    """
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    _, options = parse_options_header(media)
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise FaultError(400, "the form has no boundary")
    parts = _Parts(folder)
    try:
        parser = MultipartParser(boundary, parts.callbacks())  # type: ignore[arg-type]
        async for chunk in request.stream():
            parser.write(chunk)
            if len(parts.waiting) >= _AT_ONCE:
                await asyncio.to_thread(parts.flush)
        parser.finalize()
        if not parts.complete:
            raise FaultError(400, "the form ends too early")
        await asyncio.to_thread(parts.finish)
    except BaseException as error:
        parts.drop()
        if isinstance(error, FormParserError):
            raise FaultError(400, f"the form can't be read: {error}") from error
        if isinstance(error, UnicodeDecodeError):
            raise FaultError(400, "a field of the form is not UTF-8 text") from error
        if isinstance(error, OSError) and not isinstance(error, ConnectionError):
            raise FaultError(503, f"the file can't be kept: {error.strerror}") from error
        raise
    return parts.fields, parts.upload


class _Parts:
    """What the parser has found so far."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._header = self._value = b""
        self._disposition = b""
        self._name = ""
        self._text = bytearray()
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._here = False
        self._count = self._length = self._size = 0
        self.waiting = bytearray()
        self.fields: dict[str, str] = {}
        self.complete = False

    def callbacks(self) -> dict[str, Any]:
        """Return what the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": self._on_content,
            "on_part_end": self._end,
            "on_end": self._end_all,
        }

    @property
    def upload(self) -> Upload | None:
        """The file."""
        return Upload(self._path, self._size) if self._path else None

    def flush(self) -> None:
        """Write what waits."""
        if self._file is not None:
            self._file.write(self.waiting)
        self.waiting.clear()

    def finish(self) -> None:
        """Have the file on disk."""
        self.flush()
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def drop(self) -> None:
        """Remove the file."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    # --- called by the parser

    def _begin(self) -> None:
        self._count += 1
        if self._count > _PARTS:
            raise FaultError(413, f"a form may have {_PARTS} parts")
        self._disposition = b""
        self._text = bytearray()

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _begin_content(self) -> None:
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode()
        self._here = self._name == FILE and self._folder is not None
        if self._here:
            assert self._folder
            if self._file is not None:
                raise FaultError(400, f"there is more than one {FILE}")
            self._folder.parent.mkdir(exist_ok=True)  # the project's own is not made again
            self._folder.mkdir(exist_ok=True)
            if self._folder.is_symlink():
                raise FaultError(
                    503, f"the file can't be kept: {self._folder.name} is a link",
                    hint="remove the link",
                )  # fmt: skip
            self._path = self._folder / uuid.uuid4().hex
            self._file = self._path.open("xb")

    def _on_content(self, data: bytes, start: int, end: int) -> None:
        if self._here:
            self.waiting += data[start:end]
            self._size += end - start
            return
        self._length += end - start
        if self._length > _TEXT:
            raise FaultError(413, f"the fields of a form may have {_TEXT} bytes")
        self._text += data[start:end]

    def _end(self) -> None:
        if not self._here:
            self.fields.setdefault(self._name, self._text.decode())
        self._here = False

    def _end_all(self) -> None:
        self.complete = True
