"""YAML as the ledger has it: read strictly, with places for error messages, and written plainly.

PyYAML takes longer to import than what most commands do: they read no YAML, since the journal has
the parsed form. So `asimov.ledger.documents` imports this only where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import yaml

from asimov.errors import AsimovError, Place
from asimov.ledger.streams.alias_limits import DEEPEST, Expansion
from asimov.text import quoted

_BaseLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BaseDumper: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


#: Whole numbers in the range that MessagePack and SQLite can store.
_WHOLE = range(-(2**63), 2**64)
_NUMBERS = (":int", ":float")
#: Numbers in base 60 take quadratic time to read.
_LONGEST = 2000
#: The tags whose values are checked after reading.
_SCALARS = (":int", ":float", ":bool", ":null")
#: What stays text: dates, and the equals sign, which is special in YAML 1.1.
_TEXT = (":timestamp", ":value")


def _checked(construct: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Make a constructor of scalars report the place of an invalid value."""

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
    """Return whether a scalar was read faithfully: not truncated, rounded or infinite."""
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
    """A safe loader that refuses whatever it would otherwise lose silently."""

    # Dates stay text as written; sets and binary data are not allowed in settings.
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
        # The composer calls this before it enters a node: the only place to check the depth
        # before the stack overflows. Its real purpose, resolving paths, is not used here.
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
                        None, None, f"the key {quoted(key.value)} is given twice", key.start_mark
                    )
                seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):  # such as 1 and true, which are equal in Python
            raise yaml.constructor.ConstructorError(
                None, None, "two keys that mean the same", node.start_mark
            )
        return mapping

    def flatten_mapping(self, node: Any) -> None:
        super().flatten_mapping(node)
        # Drop merged values that are overridden at once: merges of merges would fill memory,
        # and the key would seem to be given twice.
        last = {
            key.value if isinstance(key.value, str) else id(key): i
            for i, (key, _) in enumerate(node.value)
        }
        if len(last) != len(node.value):
            node.value = [node.value[i] for i in sorted(last.values())]


class _Dumper(_BaseDumper):  # type: ignore[misc, valid-type]
    """A dumper that writes shared values in full instead of using aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@lru_cache(maxsize=1)
def nodes(text: str) -> list[yaml.Node]:
    """Return the composed documents of a stream; cached, since many places may be looked up."""
    return list(yaml.compose_all(text, Loader=_Loader))


def mark(text: str, index: int, path: Sequence[str | int]) -> Any:
    """Return where a key of a document is, or the closest enclosing thing that exists.

    Parameters
    ----------
    text
        The whole stream.
    index
        The number of the document.
    path
        Keys of mappings and indices of lists, from the top of the document.
    """
    node = nodes(text)[index]
    found = node.start_mark
    for step in path:
        if isinstance(node, yaml.MappingNode):
            pairs = [(k, v) for k, v in node.value if k.value == str(step)]
            if not pairs:
                break
            key, node = pairs[0]
            found = key.start_mark
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value)
        ):
            node = node.value[step]
            found = node.start_mark
        else:
            break
    return found


def read(text: str, file: str) -> Iterator[tuple[Any, int, int]]:
    """Yield every document of a stream, except empty ones: its content, first line and number.

    See `asimov.ledger.documents.read_documents` for the parameters and errors.
    """
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
                yield data, node.start_mark.line + 1, index
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
            f"contains the character U+{code:04X}, which YAML does not allow", where=place
        ) from error
    except RecursionError as error:
        raise AsimovError("contains an alias that refers to itself", where=Place(file)) from error
    finally:
        if loader is not None:
            loader.dispose()


def _explain(error: yaml.MarkedYAMLError) -> tuple[str, str | None]:
    """Return the message and the hint for an error of the YAML reader."""
    problem = error.problem or "can't be read"
    if "could not determine a constructor" in problem:
        tag = problem.split("'")[1] if "'" in problem else problem
        return (
            f"the YAML tag {tag} is not allowed: a ledger contains plain data only",
            f"put quotes around text that begins with '!': \"{tag}\"" if tag[:1] == "!" else None,
        )
    if "scanning a tag" in str(error.context):
        return (
            f"is not valid YAML: {problem} ({error.context})",
            "put quotes around text that begins with '!'",
        )
    if "is given twice" in problem or "levels deep" in problem:
        return problem, None
    if "can't be read as" in problem or "mean the same" in problem:
        return f"holds {problem}", None
    hint = "YAML is indented with spaces" if "tab" in problem else None
    if error.context:
        return f"is not valid YAML: {problem} ({error.context})", hint
    return f"is not valid YAML: {problem}", hint


def dump(data: Any) -> str:
    """Return data as YAML text, keeping the order of keys."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def inline(data: Any) -> str:
    """Return data as YAML text in one line, in YAML's flow style."""
    style = '"' if isinstance(data, str) and "\n" in data else None
    text: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1e9,
        default_flow_style=True, default_style=style,
    )  # fmt: skip
    return text.removesuffix("...\n").strip()
