"""Limits on the size that YAML aliases expand to, computed without expanding them.

The ledger contains no aliases: each is written out in full. So a few hundred bytes of aliases of
aliases could become gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from asimov.errors import AsimovError, Place

#: Aliases may expand any stream to this many values and characters ...
_VALUES, _CHARACTERS = 20_000, 1_000_000
#: ... plus this many times what is written in it, for settings that many analyses share ...
_TIMES = 100
#: ... but never to more values than this.
_LARGEST = 5_000_000
#: The deepest nesting, far beyond real settings; other programs would overflow their stacks.
DEEPEST = 100

_IN_FULL = "once its aliases (*NAME) are expanded"


class _Size(NamedTuple):
    values: int
    characters: int
    depth: int


#: The size of each key of a mapping, including merged ones.
_Keys = dict[Any, _Size]


class _Measure:
    """Measures each node of a document once, and enforces the limits."""

    def __init__(self, file: str, values: int, characters: int) -> None:
        self._file = file
        self._values = values
        self._characters = characters
        self._sizes: dict[int, _Size | None] = {}
        self._keys: dict[int, _Keys | None] = {}
        self._merged = 0

    def size(self, node: Any) -> _Size:
        known = self._sizes.get(id(node), _Size(0, 0, 0))
        if known is None:
            raise AsimovError("contains an alias that refers to itself", where=Place(self._file))
        if known.values:
            return known
        self._sizes[id(node)] = None
        if isinstance(node, yaml.ScalarNode):
            size = _Size(1, len(node.value), 0)
        else:
            inner = self._inner(node)
            size = _Size(
                1 + sum(each.values for each in inner),
                sum(each.characters for each in inner),
                1 + max((each.depth for each in inner), default=0),
            )
        self._refuse(size, node)
        self._sizes[id(node)] = size
        return size

    def _inner(self, node: Any) -> list[_Size]:
        if isinstance(node, yaml.MappingNode):
            return list(self._of_keys(node).values())
        return [self.size(each) for each in node.value]

    def _of_keys(self, node: Any) -> _Keys:
        """Return the size of each key with its value; own keys override merged ones."""
        known = self._keys.get(id(node), {})
        if known is None:
            raise AsimovError("contains an alias that refers to itself", where=Place(self._file))
        if known:
            return known
        self._keys[id(node)] = None
        found: _Keys = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag == "tag:yaml.org,2002:merge":
                for mapping in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    self._merge(mapping, found)
            else:
                name = key.value if isinstance(key, yaml.ScalarNode) else id(key)
                one, other = self.size(key), self.size(value)
                characters = one.characters + other.characters
                found[name] = _Size(one.values + other.values, characters, other.depth)
        self._keys[id(node)] = found
        return found

    def _merge(self, mapping: Any, into: _Keys) -> None:
        if not isinstance(mapping, yaml.MappingNode):
            return  # the constructor refuses it
        keys = self._of_keys(mapping)
        self._merged += len(keys)
        self._refuse(_Size(self._merged, 0, 0), mapping)
        for name, size in keys.items():
            into.setdefault(name, size)

    def _refuse(self, size: _Size, node: Any) -> None:
        where = Place(self._file, node.start_mark.line + 1, node.start_mark.column + 1)
        if size.values > self._values:
            raise AsimovError(
                f"has more than {self._values} values {_IN_FULL}",
                where=where,
                hint="put settings that analyses share into the subject, or into a document of the "
                "kind configuration",
            )
        if size.characters > self._characters:
            raise AsimovError(
                f"has more than {self._characters} characters {_IN_FULL}",
                where=where,
                hint="put long text into a file of its own, and give the file's name here",
            )
        if size.depth > DEEPEST:
            raise AsimovError(
                f"is nested more than {DEEPEST} levels deep {_IN_FULL}",
                where=where,
                hint="use fewer levels of mappings and lists, or fewer aliases inside aliases",
            )


class Expansion:
    """The limits for one stream, shared by all its documents.

    Parameters
    ----------
    text
        The stream; without an asterisk it contains no alias.
    file
        Its name.
    """

    def __init__(self, text: str, file: str) -> None:
        self._aliased = "*" in text
        self._file = file
        self._characters = _CHARACTERS + _TIMES * len(text)
        self._values = _VALUES

    def refuse_bomb(self, node: Any) -> None:
        """Refuse a composed document whose aliases expand too far.

        Raises
        ------
        AsimovError
            If a value is too large; the error gives its place and the limit.
        """
        if not self._aliased:
            return
        self._values = min(self._values + _TIMES * sum(1 for _ in _once(node)), _LARGEST)
        size = _Measure(self._file, self._values, self._characters).size(node)
        self._values -= size.values
        self._characters -= size.characters


def _once(node: Any) -> Iterator[Any]:
    """Yield every node of a document once, however often it is used."""
    seen = set()
    todo = [node]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, yaml.MappingNode):
            todo += [each for pair in one.value for each in pair]
        elif isinstance(one, yaml.SequenceNode):
            todo += one.value
