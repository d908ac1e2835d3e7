"""Settings that are addresses: of data, and of other plugins."""

from __future__ import annotations

from msgspec import Meta

from asimov.settings import Setting

#: Where the annotation of a setting says what its address leads to.
DATA, PLUGIN = "data", "plugin"


def DataUrl(description: str, data_type: str, *content_types: str) -> Meta:  # noqa: N802
    """Describe a setting that is the address of data: ``Annotated[str, DataUrl(...)]``.

    Parameters
    ----------
    description
        What the data are for.
    data_type
        What they are, as of `asimov.pipeline.card.DataOutput`.
    *content_types
        The media types that the jobs can read.
    """
    return Setting(description, extra={DATA: {"type": data_type, "content": list(content_types)}})


def PluginUrl(  # noqa: N802
    description: str,
    *,
    name: str | None = None,
    version: str | None = None,
    tags: tuple[str, ...] = (),
    type: str | None = None,
) -> Meta:
    """Describe a setting that is the address of another plugin.

    Parameters
    ----------
    description
        What the plugin is for.
    name, version
        Which one it has to be; a version is ``v1.2.0``, or ``>=v1.1.3 <v2.0.0``.
    tags
        Tags that it has to have; with ``!`` in front, that it must not have.
    type
        Its type.
    """
    wanted = {"name": name, "version": version, "tags": list(tags), "type": type}
    return Setting(description, extra={PLUGIN: wanted})
