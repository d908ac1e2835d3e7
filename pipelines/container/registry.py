"""The registry of images in the ledger: the setting ``plugins``, with a name for each image.

.. code-block:: yaml

    plugins:
      cg-gnn:
        aliases: [graph neural network]
        image: nadeemlab/cg-gnn
        tag: "0.2"
        gpu: true                      # it refuses to run without one
        settings: {epochs: 10}         # used unless an analysis sets them
        required settings: [k_folds]   # an analysis must set these
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asimov.pipelines.container.images import Image, image_of

from asimov.settings import Fault
from asimov.text import did_you_mean, quoted

_KEYS: dict[str, tuple[type, str]] = {
    "aliases": (list, "a list of names"),
    "image": (str, "the reference or path of an image"),
    "tag": (str, "text: put it in quotes"),
    "gpu": (bool, "true or false"),
    "settings": (dict, "a mapping"),
    "required settings": (list, "a list of names"),
}


@dataclass(frozen=True)
class Plugin:
    """What the ledger says of an image.

    Attributes
    ----------
    name
        Its name in the registry; of an unregistered image, its reference without the tag.
    image
        The text that names it.
    gpu
        Whether it refuses to run without a GPU.
    settings
        Settings that hold unless an analysis has others.
    required
        Settings that an analysis must have.
    """

    name: str
    image: str
    gpu: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    def located(self, root: Path) -> Image:
        """Return the image; see `image_of`."""
        return image_of(self.image, root)


def plugin_of(text: str, registry: Mapping[str, Any]) -> Plugin:
    """Return the registered plugin with a name or alias, or an unregistered image.

    Parameters
    ----------
    text
        The setting ``image``.
    registry
        The setting ``plugins``, without faults.
    """
    wanted = text.strip().lower()
    for name, entry in registry.items():
        if wanted in {str(each).lower() for each in (name, *(entry.get("aliases") or ()))}:
            image = str(entry["image"])
            if tag := entry.get("tag"):
                image += f":{tag}"
            return Plugin(
                str(name),
                image,
                bool(entry.get("gpu", False)),
                entry.get("settings") or {},
                tuple(map(str, entry.get("required settings") or ())),
            )
    name = Path(text).name if text.startswith((".", "/", "~")) else text.removeprefix("docker://")
    head, _, last = name.partition("@")[0].rpartition("/")
    return Plugin("/".join(filter(None, [head, last.partition(":")[0]])), text)


def registry_faults(registry: Any) -> Iterator[Fault]:
    """Yield every fault in the setting ``plugins``."""
    if not isinstance(registry, Mapping):
        yield Fault(("plugins",), "should be a mapping of names to images", final=True)
        return
    taken: dict[str, str] = {}
    for name, entry in registry.items():
        path = ("plugins", str(name))
        if not isinstance(entry, Mapping):
            yield Fault(path, "should be a mapping with an 'image'", final=True)
            continue
        if not entry.get("image"):
            yield Fault((*path, "image"), "is missing: it names the image")
        for key, value in entry.items():
            if key not in _KEYS:
                yield Fault(
                    (*path, str(key)), f"is not known{did_you_mean(key, _KEYS)}", final=True
                )
            elif value is not None and not isinstance(value, _KEYS[key][0]):
                why = f"should be {_KEYS[key][1]}, not {quoted(value)}"
                yield Fault((*path, key), why, final=True)
        aliases = entry.get("aliases")
        for each in (name, *(aliases if isinstance(aliases, list) else ())):
            other = taken.setdefault(str(each).lower(), str(name))
            if other != str(name):
                yield Fault(path, f"the name {quoted(str(each))} also belongs to {other}")
