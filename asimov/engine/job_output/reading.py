"""Read what jobs wrote: the end of a file, all of it, or what is added to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asimov import text
from asimov.system.reading import opened

#: Bytes that are read at once; longer lines are broken.
_BLOCK = 1 << 16
#: The most bytes of the end of a file to look at.
_END = 1 << 18


def last_lines(path: Path, most: int, end: int | None = None) -> list[str]:
    """Return the last lines of a file; empty if it can't be read.

    Parameters
    ----------
    path
        The file.
    most
        How many lines, of the last 256 kB.
    end
        Where to stop, in bytes; by default at the end of the file.
    """
    try:
        with opened(path) as stream:
            size = stream.seek(0, 2) if end is None else end
            start = max(0, size - _END)
            stream.seek(start)
            data = stream.read(size - start)
    except OSError:
        return []
    lines = text.of_bytes(data).removesuffix("\n").split("\n") if data else []
    # A progress bar is rewritten after a carriage return: its last form counts.
    return [line.rstrip("\r").rpartition("\r")[2] for line in lines[-most:]] if most else []


def every_line(path: Path) -> Iterator[str]:
    """Yield all lines of a file, without keeping more than a part of it in memory."""
    try:
        with opened(path) as stream:
            while line := stream.readline(_BLOCK):
                yield text.of_bytes(line).rstrip("\n")
    except OSError:
        return


@dataclass
class Follower:
    """Reads what is added to files, from where it last stopped."""

    _places: dict[Path, int] = field(default_factory=dict)

    def skip(self, path: Path) -> int:
        """Take a file as read to its present end, and return that, in bytes."""
        try:
            self._places[path] = path.stat().st_size
        except OSError:
            self._places[path] = 0
        return self._places[path]

    def news(self, path: Path) -> list[str]:
        """Return the whole lines that were added; one without an end waits for it.

        A file that is shorter than before was written again, and is read from its beginning.
        """
        place = self._places.get(path, 0)
        try:
            with opened(path) as stream:
                if stream.seek(0, 2) < place:
                    place = 0
                stream.seek(place)
                data = stream.read(_END)
        except OSError:
            return []
        end = data.rfind(b"\n") + 1 or (len(data) if len(data) == _END else 0)
        self._places[path] = place + end
        return text.of_bytes(data[:end]).splitlines()
