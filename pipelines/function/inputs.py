"""The inputs of a call: files by pattern, folders, URLs, and assets of other analyses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Protocol

from asimov.pipelines.function.manifest import manifest

from asimov.errors import AsimovError
from asimov.pipeline.stated_schemas import schema_faults
from asimov.settings import Fault
from asimov.system.file_patterns import matching
from asimov.text import did_you_mean, listed, quoted

TYPES = ("FILE", "DICOM")
_KEYS = ("path", "asset", "of", "schema", "type", "metadata")


class Producer(Protocol):
    """An analysis whose assets another one uses."""

    name: str
    key: Any

    @property
    def assets(self) -> dict[str, Any]:
        """Its products."""

    @property
    def product_folder(self) -> str:
        """The folder of its products."""


@dataclass(frozen=True)
class Given:
    """A data object that a function is called with.

    Attributes
    ----------
    path
        Its absolute path, or a URL.
    type
        ``FILE`` or ``DICOM``.
    source
        What it is, for people: a path in the project, or ``analysis: asset``.
    metadata, series
        What the function that made it said of it.
    pattern
        The pattern that it was found with, if any.
    """

    path: str
    type: str
    source: str
    metadata: Any = None
    series: str | None = None
    pattern: str = ""

    def described(self) -> dict[str, Any]:
        """Return what the job gets besides the path."""
        return {
            "type": self.type,
            "source": self.source,
            "metadata": self.metadata,
            "series": self.series,
        }


def faults(items: Any, root: Path) -> Iterator[Fault]:
    """Yield the faults of the setting ``inputs``.

    Parameters
    ----------
    items
        The setting.
    root
        The project's folder.
    """
    for number, item in enumerate(_listed(items)):
        where = ("inputs", f"[{number}]") if isinstance(items, list) else ("inputs",)
        if isinstance(item, str):
            item = {"path": item}  # noqa: PLW2901
        if not isinstance(item, Mapping):
            yield Fault(where, f"should be a path or a mapping, not {item!r}", final=True)
            continue
        yield from schema_faults(item.get("schema"), (*where, "schema"))
        for key in item:
            if key not in _KEYS:
                why = f"there is no such key{did_you_mean(key, _KEYS)}"
                yield Fault((*where, str(key)), why, f"the keys are {', '.join(_KEYS)}", final=True)
        if ("path" in item) == ("asset" in item):
            yield Fault(where, "should have either 'path' or 'asset'", final=True)
        elif "path" in item and (key := next((k for k in ("of", "schema") if k in item), None)):
            yield Fault((*where, key), "belongs to an asset, not to a path", final=True)
        elif item.get("type", "FILE") not in TYPES:
            why = f"should be {' or '.join(TYPES)}, not {item['type']!r}"
            yield Fault((*where, "type"), why, final=True)
        elif "path" in item and not _matching(str(item["path"]), root):
            yield Fault(where, f"{quoted(str(item['path']))} matches no file of the project")


def resolved(items: Any, root: Path, producers: Iterable[Producer]) -> list[Given]:
    """Return the data objects that the setting ``inputs`` stands for, in its order.

    Parameters
    ----------
    items
        The setting.
    root
        The project's folder.
    producers
        The analyses whose assets may be used.

    Raises
    ------
    AsimovError
        If a pattern matches nothing, or no analysis has an asset.
    """
    there = list(producers)
    found: list[Given] = []
    for item in _listed(items):
        each = {"path": item} if isinstance(item, str) else item
        one = _of_path(each, root) if "path" in each else _of_asset(each, there)
        found += one
    return found


def _listed(items: Any) -> list[Any]:
    if items is None:
        return []
    return items if isinstance(items, list) else [items]


def _matching(pattern: str, root: Path) -> list[str]:
    """Return what a path or a pattern stands for, in alphabetical order."""
    if "://" in pattern:
        return [pattern]
    whole = str(root / pattern)
    if Path(whole).exists():
        return [whole]
    return matching(pattern, root)


def _of_path(item: Mapping[str, Any], root: Path) -> Iterator[Given]:
    asked = str(item["path"])
    paths = _matching(asked, root)
    if not paths:
        raise AsimovError(f"inputs: {quoted(asked)} matches no file of the project")
    is_named = paths in ([asked], [str(root / asked)])
    for path in paths:
        inside = Path(path).is_relative_to(root)
        source = str(Path(path).relative_to(root)) if inside else path
        yield Given(
            path,
            item.get("type") or _type(path),
            source,
            item.get("metadata"),
            pattern="" if is_named else str(PurePath(asked)),
        )


def _type(path: str) -> str:
    return "DICOM" if Path(path).is_dir() else "FILE"


def _of_asset(item: Mapping[str, Any], producers: list[Producer]) -> Iterator[Given]:
    name, of = str(item["asset"]), item.get("of")
    asked = [each for each in producers if of in {None, each.name, str(each.key)}]
    found = [(each, each.assets[name]) for each in asked if name in each.assets]
    if not found:
        there = [asset for each in asked for asset in each.assets]
        has = "; ".join(f"{each.key} has {listed(each.assets) or 'none'}" for each in asked)
        names = ", ".join(str(each.key) for each in producers) or "none"
        where = f" of {quoted(of)}" if of else ""
        raise AsimovError(
            f"inputs: no analysis that it needs has the asset {quoted(name)}{where}"
            f"{did_you_mean(name, there)}",
            hint=has or f"'needs' names {names}",
        )
    for producer, asset in found:
        said = manifest(producer.product_folder)
        for path in paths_in(asset):
            known: dict[str, Any] = next(
                (e for e in said if str(Path(producer.product_folder, e["path"])) == path), {}
            )
            yield Given(
                path,
                item.get("type") or known.get("type") or _type(path),
                f"{producer.key}: {name}",
                item.get("metadata", known.get("metadata")),
                known.get("series"),
            )


def paths_in(asset: Any) -> Iterator[str]:
    """Yield every path in an asset."""
    if isinstance(asset, Mapping):
        for each in asset.values():
            yield from paths_in(each)
    elif isinstance(asset, (list, tuple)):
        for each in asset:
            yield from paths_in(each)
    elif asset:
        yield str(asset)
