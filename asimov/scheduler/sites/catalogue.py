"""Find the profiles of sites that packages publish, and the one that a project has chosen."""

from __future__ import annotations

from configparser import ConfigParser

from asimov.discovery import extensions
from asimov.discovery.extensions import ExtensionError
from asimov.errors import AsimovError
from asimov.scheduler.sites import plain
from asimov.scheduler.sites.profile import Site
from asimov.text import did_you_mean, quoted


def known() -> list[str]:
    """Return the names of all sites."""
    return sorted({point.name for point in extensions.points(extensions.SITES)})


def site(name: str) -> Site:
    """Return the profile of a site.

    Raises
    ------
    AsimovError
        If there is none of that name.
    ExtensionError
        If its package can't be loaded, or publishes something else.
    """
    for point in extensions.points(extensions.SITES):
        if point.name == name:
            found = extensions.load(point)
            if not isinstance(found, Site):
                raise ExtensionError(
                    f"the site {quoted(name)} of the package {point.package} is not an "
                    "asimov.sites.profile.Site"
                )
            return found
    raise AsimovError(
        f"there is no site {quoted(name)}{did_you_mean(name, known())}",
        hint=f"the sites are {', '.join(known())}; packages can add others",
    )


def name_in(config: ConfigParser) -> str:
    """Return the name of the site that a configuration chooses; ``plain`` by default."""
    return config.get("site", "name", fallback="").strip() or "plain"


def chosen(config: ConfigParser) -> Site:
    """Return the profile of the site that a configuration chooses.

    Raises
    ------
    AsimovError
        If there is none of that name.
    """
    name = name_in(config)
    if name == "plain":
        return plain.SITE  # most projects: no entry point need be read
    try:
        return site(name)
    except ExtensionError:
        raise
    except AsimovError as error:
        raise AsimovError(
            error.message, where="configuration: site/name", hint=error.hint
        ) from error
