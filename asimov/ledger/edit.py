"""Change some values in a YAML text, and leave the rest as people wrote it, comments included.

Nodes of the text know their places in it, so a difference between the old data and the new becomes
a few replaced, deleted or inserted pieces. Where that is not possible, the answer is None, and
where it goes wrong, the caller notices: it reads the result and compares.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

from asimov.ledger.documents import dump, inline, read_documents
from asimov.ledger.streams.yaml_text import nodes


class _CannotError(Exception):
    """The difference can't be made in the text."""


def edited(text: str, new: Mapping[str, Any]) -> str | None:
    """Return a text with other data in it; None if it has to be rewritten.

    Parameters
    ----------
    text
        A stream with one document, a mapping.
    new
        The new data. Of a subject it has all analyses in one list, each with a ``name``, also
        where the text has them as ``productions``.
    """
    documents = read_documents(text, "-")
    if len(documents) != 1 or not isinstance(documents[0].data, dict):
        return None
    old = documents[0].data
    edit = _Edit(text)
    try:
        edit.change(nodes(text)[0], old, _in_lists_of(old, new))
    except _CannotError:
        return None
    return edit.made()


class _Edit:
    """Pieces of a text that are replaced: start, end, and what comes in their place."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._pieces: list[tuple[int, int, str]] = []

    def made(self) -> str:
        """Return the text with the changes."""
        parts, done = [], 0
        for start, end, piece in sorted(self._pieces):
            if start < done:
                raise _CannotError
            parts += [self._text[done:start], piece]
            done = end
        return "".join([*parts, self._text[done:]])

    def change(self, node: yaml.Node, old: Any, new: Any) -> None:
        """Change a node from one value to another."""
        if repr(old) == repr(new):
            return
        block = not getattr(node, "flow_style", True)
        if block and isinstance(node, yaml.MappingNode) and isinstance(new, dict) and new:
            self._mapping(node, old, new)
        elif block and isinstance(node, yaml.SequenceNode) and isinstance(new, list) and new:
            self._sequence(node, old, new)
        else:
            self._replace(node, new)

    def _mapping(self, node: yaml.MappingNode, old: dict[Any, Any], new: dict[Any, Any]) -> None:
        if len(old) != len(node.value) or not old.keys() & new.keys():
            raise _CannotError
        for name, (key, value) in zip(old, node.value, strict=True):
            if name in new:
                self.change(value, old[name], new[name])
            else:
                self._delete(key.start_mark.index, self._end(value), "")
        added = {name: value for name, value in new.items() if name not in old}
        if added:
            self._insert(self._end(node), node.value[0][0].start_mark.column, dump(added))

    def _sequence(self, node: yaml.SequenceNode, old: list[Any], new: list[Any]) -> None:
        if len(old) == len(new):
            for item, before, after in zip(node.value, old, new, strict=True):
                self.change(item, before, after)
            return
        wanted = {_identity(each): each for each in new}
        kept = [_identity(each) for each in old if _identity(each) in wanted]
        if not kept or list(wanted)[: len(kept)] != kept or len(wanted) != len(new):
            raise _CannotError
        for number, (item, before) in enumerate(zip(node.value, old, strict=True)):
            if _identity(before) in wanted:
                self.change(item, before, wanted[_identity(before)])
            else:
                start = self._with_comments(item.start_mark.index) if number else None
                self._delete(item.start_mark.index, self._end(item), "-", start)
        if len(new) > len(kept):
            self._insert(self._end(node), node.start_mark.column, dump(new[len(kept) :]))

    def _replace(self, node: yaml.Node, new: Any) -> None:
        start = node.start_mark.index
        block = not getattr(node, "flow_style", True)
        if block and isinstance(new, (dict, list)) and new:
            piece = textwrap.indent(dump(new), " " * node.start_mark.column).strip()
        else:
            piece = inline(new)
        end = self._end(node)
        if "#" in self._text[start:end] and "\n" in self._text[start:end]:
            raise _CannotError  # a comment would be lost without a word
        if self._text[start - 1 : start] not in {" ", "\n", "[", "{", ""}:
            piece = f" {piece}"
        self._pieces.append((start, end, piece))

    def _delete(self, start: int, end: int, before: str, since: int | None = None) -> None:
        """Delete whole lines; nothing but `before` may precede the start on its line."""
        line = self._text.rfind("\n", 0, start) + 1
        if self._text[line:start].strip() != before:
            raise _CannotError
        self._pieces.append((line if since is None else since, self._end_of_line(end), ""))

    def _insert(self, end: int, column: int, piece: str) -> None:
        place = self._end_of_line(end)
        piece = textwrap.indent(piece, " " * column)
        if place and self._text[place - 1] != "\n":
            piece = f"\n{piece}"
        self._pieces.append((place, place, piece))

    def _with_comments(self, start: int) -> int:
        """Return where the comments begin that stand right above a line."""
        line = self._text.rfind("\n", 0, start) + 1
        while line:
            above = self._text.rfind("\n", 0, line - 1) + 1
            if not self._text[above:line].lstrip().startswith("#"):
                break
            line = above
        return line

    def _end_of_line(self, index: int) -> int:
        found = self._text.find("\n", index)
        return len(self._text) if found < 0 else found + 1

    def _end(self, node: yaml.Node) -> int:
        """Return where the content of a node ends; what follows may be comments."""
        if getattr(node, "flow_style", True) or not node.value:
            end: int = node.end_mark.index
            while end and self._text[end - 1] == "\n":  # a block of text ends after its line
                end -= 1
            return end
        last = node.value[-1]
        return self._end(last[1] if isinstance(node, yaml.MappingNode) else last)


def _identity(item: Any) -> str:
    """Return what says that two items of a list are the same one: their name, if they have one."""
    if isinstance(item, dict):
        if "name" in item:
            return f"name {item['name']}"
        if len(item) == 1 and isinstance(next(iter(item.values())), dict):
            return f"name {next(iter(item))}"
    return repr(item)


def _in_lists_of(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return new data with its analyses in the lists and the form in which the old data has them.

    See `asimov.ledger.documents.Document.normalise`.
    """
    lists = [key for key in ("analyses", "productions") if isinstance(old.get(key), list)]
    have = [(key, each) for key in lists for each in old[key]]
    if "productions" not in lists and not any(_is_one_key(each) for _, each in have):
        return dict(new)
    want = list(new.get("analyses") or [])
    by_name = {_identity(each): each for each in want}
    made: dict[str, list[Any]] = {key: [] for key in lists}
    if len(have) == len(want):
        pairs = list(zip(have, want, strict=True))
    else:
        pairs = [(each, by_name[name]) for each in have if (name := _identity(each[1])) in by_name]
    for (key, before), after in pairs:
        rest = {name: value for name, value in after.items() if name != "name"}
        made[key].append({after["name"]: rest} if _is_one_key(before) else after)
    done = {id(after) for _, after in pairs}
    made[lists[-1]] += [each for each in want if id(each) not in done]
    rest = {key: value for key, value in new.items() if key != "analyses"}
    return {**rest, **{key: each for key, each in made.items() if each}}


def _is_one_key(item: Any) -> bool:
    return isinstance(item, dict) and "name" not in item and _identity(item).startswith("name ")
