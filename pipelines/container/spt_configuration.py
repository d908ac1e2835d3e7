"""Training configurations of SPT's plugins: read what an image prints, and compose what is used.

The files are INI. ``[general]`` lies under every section, a plugin reads a section of its own,
``[section.sub]`` is a nested mapping, and ``none``, ``null`` and an empty value mean none.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping
from typing import Any

from asimov.errors import AsimovError
from asimov.settings import Fault
from asimov.text import did_you_mean, quoted

GENERAL = "general"
#: The section of a plugin whose image prints none.
_OTHERWISE = "plugin"

Section = dict[str, Any]


def parsed(text: str, where: str) -> dict[str, Section]:
    """Return the sections of a configuration, nested ones inside theirs; values as text.

    Parameters
    ----------
    text
        The file.
    where
        What it is, for messages.

    Raises
    ------
    AsimovError
        If it is no INI file, with the line.
    """
    parser = configparser.ConfigParser(
        interpolation=None, default_section="", strict=True, allow_no_value=True
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keep the case of keys
    try:
        parser.read_string(text)
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or next(
            (number for number, _ in getattr(error, "errors", ())), None
        )
        place = f"{where}, line {line}" if line else where
        raise AsimovError(
            f"is not an INI file: {str(error).splitlines()[0]}", where=place,
            hint="ask the image's author: the command should print a configuration and no more",
        ) from error  # fmt: skip
    sections: dict[str, Section] = {}
    for name in parser.sections():
        first, *inner = name.split(".")
        here = sections.setdefault(first, {})
        for step in inner:
            inside = here.setdefault(step, {})
            if not isinstance(inside, dict):
                raise AsimovError(f"[{name}] is a section and a value", where=where)
            here = inside
        here.update((key, _value(value)) for key, value in parser.items(name))
    return sections


def _value(text: str | None) -> str | None:
    return None if text is None or text.strip().lower() in {"", "none", "null"} else text


def own_section(printed: Mapping[str, Section], name: str | None, plugin: str) -> str:
    """Return the name of the plugin's own section.

    Parameters
    ----------
    printed
        The training configuration as printed.
    name
        The section that the ledger names, if it does.
    plugin
        The plugin's name.

    Raises
    ------
    AsimovError
        If there are several and nothing says which.
    """
    others = [each for each in printed if each != GENERAL]
    if name is not None:
        if others and name not in others:
            raise AsimovError(
                f"section: the image prints no [{name}]{did_you_mean(name, others)}",
                hint=f"it prints {', '.join(f'[{each}]' for each in others)}",
            )
        return name
    if len(others) <= 1:
        return others[0] if others else _OTHERWISE
    same = [each for each in others if each in {plugin, _OTHERWISE}]
    if len(same) == 1:
        return same[0]
    raise AsimovError(
        f"the image prints several sections: {', '.join(f'[{each}]' for each in others)}",
        hint="say which is the plugin's own: 'section: NAME'",
    )


def unknown(
    settings: Mapping[str, Any], printed: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[Fault]:
    """Yield a fault for each setting that an image's section does not have.

    Parameters
    ----------
    settings
        What the ledger sets.
    printed
        The section as printed, with the nested ones in it; empty if the image prints none, and
        then everything is allowed.
    path
        The keys that lead to the settings.
    """
    if not printed:
        return
    for key, value in settings.items():
        if key not in printed:
            yield Fault(
                (*path, key),
                f"the image knows no setting {quoted(key)}{did_you_mean(key, printed)}",
                f"its settings are {', '.join(printed)}",
            )
        elif isinstance(value, Mapping) != isinstance(printed[key], Mapping):
            what = "a mapping" if isinstance(printed[key], Mapping) else "a single value"
            yield Fault((*path, key), f"should be {what}, as in the image's own configuration")
        elif isinstance(value, Mapping):
            yield from unknown(value, printed[key], (*path, key))


def composed(
    graph: Mapping[str, Section],
    training: Mapping[str, Section],
    section: str,
    general: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> dict[str, Section]:
    """Return the training configuration that is used.

    What the image prints comes first; ``general`` replaces values of the same name, in
    ``[general]`` and where the plugin's own section repeats them; ``settings`` win.

    Parameters
    ----------
    graph, training
        The two configurations as printed.
    section
        The plugin's own section.
    general, settings
        What the ledger sets, for every section and for the plugin's own.
    """
    merged: dict[str, Section] = {}
    for printed in (graph, training):
        for name, values in printed.items():
            merged[name] = _over(merged.get(name, {}), values)
    everywhere = _over(merged.pop(GENERAL, {}), general)
    own = merged.pop(section, {})
    own = _over(own, {key: value for key, value in general.items() if key in own})
    own = _over(own, settings)
    result = {GENERAL: everywhere} if everywhere else {}
    if own or section in training:
        result[section] = own
    return {**result, **merged}


def _over(under: Mapping[str, Any], values: Mapping[str, Any]) -> Section:
    result = dict(under)
    for key, value in values.items():
        if isinstance(value, Mapping):
            inside = result.get(key)
            result[key] = _over(inside if isinstance(inside, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def written(sections: Mapping[str, Section]) -> str:
    """Return sections as an INI file.

    Raises
    ------
    AsimovError
        For a key or value that the format can't hold.
    """
    return "\n".join("\n".join([f"[{name}]", *lines, ""]) for name, lines in _flat(sections, ()))


def _flat(sections: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    for name, values in sections.items():
        path = (*above, str(name))
        plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
        nested = {key: value for key, value in values.items() if isinstance(value, Mapping)}
        if plain or not nested:
            yield ".".join(path), [_line(path, key, value) for key, value in plain.items()]
        yield from _flat(nested, path)


def _line(path: tuple[str, ...], key: Any, value: Any) -> str:
    text = ", ".join(map(_text, value)) if isinstance(value, (list, tuple)) else _text(value)
    name = str(key)
    if "\n" in text or any(each in name for each in "=:\n[]#;") or name != name.strip() or not name:
        raise AsimovError(
            f"{': '.join((*path, name))}: can't be written to an INI file",
            hint="use one line, and a name without '=', ':', '#', ';' and brackets",
        )
    return f"{name} = {text}"


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
