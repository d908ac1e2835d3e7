"""Reading and writing YAML: safe, fast, and able to say where things stand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from asimov.errors import AsimovError, Place
from asimov.ledger.alias_limits import DEEPEST, Expansion
from asimov.text import quoted


@dataclass(slots=True)
class Document:
    """One document of a YAML stream.

    Attributes
    ----------
    data
        What it holds.
    file
        The stream's name as the user knows it.
    line
        Where it starts, counted from 1.
    text
        The whole stream, kept to find the lines of keys when an error is told.
    moved
        Where in the text the paths stand that were moved when the document was brought into its
        present form.
    root
        Where in the text's document the data stands, where it is a part of it.
    """

    data: Any
    file: str
    line: int
    index: int
    text: str
    moved: dict[tuple[str | int, ...], list[str | int]] = field(default_factory=dict)
    root: tuple[str | int, ...] = ()

    def place(self, path: Sequence[str | int] = ()) -> Place:
        """Return the place of a key, or of the nearest thing around it that is there.

        Parameters
        ----------
        path
            Keys of mappings and indices of lists, from the document's top.
        """
        head = tuple(path[:2])
        moved = self.moved.get(head)
        path = [*self.root, *path] if moved is None else [*moved, *path[2:]]
        node = _nodes(self.text)[self.index]
        mark = node.start_mark
        for step in path:
            if isinstance(node, yaml.MappingNode):
                found = [(k, v) for k, v in node.value if k.value == str(step)]
                if not found:
                    break
                key, node = found[0]
                mark = key.start_mark
            elif (
                isinstance(node, yaml.SequenceNode)
                and isinstance(step, int)
                and step < len(node.value)
            ):
                node = node.value[step]
                mark = node.start_mark
            else:
                break
        return Place(self.file, mark.line + 1, mark.column + 1)

    def holds(self, path: Sequence[str | int]) -> bool:
        """Say whether the document has a key as it was written; the path is as of `place`."""
        moved = self.moved.get(tuple(path[:2]))
        data = self.data
        for step in path if moved is None else [*moved, *path[2:]]:
            try:
                data = data[step]
            except (LookupError, TypeError):
                return False
        return True


_BaseLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BaseDumper: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


#: Whole numbers that whatever a setting passes through can hold, MessagePack and SQLite included.
_WHOLE = range(-(2**63), 2**64)
_NUMBERS = (":int", ":float")
#: In base 60 reading them takes the square of their length.
_LONGEST = 2000
#: The tags whose values are checked when they have been read.
_SCALARS = (":int", ":float", ":bool", ":null")
#: What stays text: dates, and the equals sign that YAML 1.1 keeps for itself.
_TEXT = (":timestamp", ":value")


def _checked(construct: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Have a constructor of scalars tell where a value that is not of its tag stands."""

    def made(loader: Any, node: Any) -> Any:
        if node.tag.endswith(_NUMBERS) and len(node.value) > _LONGEST:
            raise _unlike_tag(node)
        try:
            value = construct(loader, node)
        except (ValueError, LookupError, ArithmeticError) as error:
            raise _unlike_tag(node) from error
        if not _is_as_written(value, node):
            raise _unlike_tag(node)
        return value

    return made


def _is_as_written(value: Any, node: Any) -> bool:
    """Say whether a scalar became what stands there: nothing is dropped, rounded or endless."""
    if value is None:
        return node.value.lower() in {"", "~", "null"}
    if isinstance(value, float):
        return math.isfinite(value) or node.value.lower().endswith(("inf", "nan"))
    return not isinstance(value, int) or value in _WHOLE


def _unlike_tag(node: Any) -> yaml.constructor.ConstructorError:
    kind = node.tag.rpartition(":")[2]
    return yaml.constructor.ConstructorError(
        None, None, f"a value that can't be read as {kind}", node.start_mark
    )


class _Loader(_BaseLoader):  # type: ignore[misc, valid-type]
    """A safe loader that refuses what would be lost silently."""

    # A date stays the text that the user wrote; sets and binary data have no place in settings.
    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, regexp) for tag, regexp in pairs if not tag.endswith(_TEXT)]
        for first, pairs in _BaseLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012
        tag: _checked(make) if (tag or "").endswith(_SCALARS) else make
        for tag, make in _BaseLoader.yaml_constructors.items()
        if tag is None
        or tag.rpartition(":")[2] in {"null", "bool", "int", "float", "str", "seq", "map"}
    }

    _depth = 0

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        # The composer calls this on its way into each node: the one place where depth is seen
        # before it has overrun the stack. Paths are not resolved by us, which it is meant for.
        self._depth += 1
        if self._depth > DEEPEST + 1 and current_node is not None:
            raise yaml.composer.ComposerError(
                None, None, f"is nested more than {DEEPEST} levels deep", current_node.start_mark
            )

    def ascend_resolver(self) -> None:
        self._depth -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise _unlike_tag(node)
        keys = [k for k, _ in node.value if isinstance(k, yaml.ScalarNode) and k.value != "<<"]
        if len({key.value for key in keys}) != len(keys):
            seen: set[str] = set()
            for key in keys:
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {quoted(key.value)} stands here twice", key.start_mark
                    )
                seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):  # such as 1 and true, which Python takes for the same
            raise yaml.constructor.ConstructorError(
                None, None, "two keys that mean the same", node.start_mark
            )
        return mapping

    def flatten_mapping(self, node: Any) -> None:
        super().flatten_mapping(node)
        # What was merged in and replaced is dropped at once: merges of merges would fill memory,
        # and the key would seem to stand here twice.
        last = {
            key.value if isinstance(key.value, str) else id(key): i
            for i, (key, _) in enumerate(node.value)
        }
        if len(last) != len(node.value):
            node.value = [node.value[i] for i in sorted(last.values())]


class _Dumper(_BaseDumper):  # type: ignore[misc, valid-type]
    """A dumper that writes shared values out in full, as people would."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@lru_cache(maxsize=1)
def _nodes(text: str) -> list[yaml.Node]:
    """Return the composed documents of a stream, of which many places may be asked for."""
    return list(yaml.compose_all(text, Loader=_Loader))


def read_documents(text: str, file: str) -> list[Document]:
    """Read every document of a YAML stream; empty ones are left out.

    Parameters
    ----------
    text
        The stream.
    file
        Its name, for messages.

    Raises
    ------
    AsimovError
        For broken YAML, a key given twice in one mapping, a tag other than YAML's plain types,
        an alias inside its own anchor; with file, line and column.
    """
    documents = []
    expansion = Expansion(text, file)
    loader = None
    try:
        loader = _Loader(text)
        index = 0
        while loader.check_data():
            node = loader.get_node()
            expansion.refuse_bomb(node)
            data = loader.construct_document(node)
            if data is not None:
                documents.append(Document(data, file, node.start_mark.line + 1, index, text))
            index += 1
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        message, hint = _explain(error)
        raise AsimovError(message, where=place, hint=hint) from error
    except yaml.reader.ReaderError as error:
        code = error.character if isinstance(error.character, int) else ord(error.character)
        at = max(0, text.find(chr(code)))
        place = Place(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
        raise AsimovError(
            f"holds the character U+{code:04X}, which YAML does not allow", where=place
        ) from error
    except RecursionError as error:
        raise AsimovError("holds an alias that contains itself", where=Place(file)) from error
    finally:
        if loader is not None:
            loader.dispose()
    return documents


def _explain(error: yaml.MarkedYAMLError) -> tuple[str, str | None]:
    """Return what is wrong, and a hint."""
    problem = error.problem or "can't be read"
    if "could not determine a constructor" in problem:
        tag = problem.split("'")[1] if "'" in problem else problem
        return (
            f"the YAML tag {tag} is not allowed: a ledger holds plain data only",
            f"put quotes around text that begins with '!': \"{tag}\"" if tag[:1] == "!" else None,
        )
    if "scanning a tag" in str(error.context):
        return (
            f"is not valid YAML: {problem} ({error.context})",
            "put quotes around text that begins with '!'",
        )
    if "stands here twice" in problem or "levels deep" in problem:
        return problem, None
    if "can't be read as" in problem or "mean the same" in problem:
        return f"holds {problem}", None
    hint = "YAML is indented with spaces" if "tab" in problem else None
    if error.context:
        return f"is not valid YAML: {problem} ({error.context})", hint
    return f"is not valid YAML: {problem}", hint


def dump(data: Any) -> str:
    """Return data as YAML text, keys in their own order."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
