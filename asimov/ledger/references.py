"""Names of analyses and subjects in ledger documents, and what becomes of them in a renaming."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger.contents import Contents, Entry

#: Returns the new value of a term of ``needs``, given its path and its value.
_Change = Callable[[str, str], str]


def renamed(contents: Contents, keys: Mapping[Key, Key], subjects: Mapping[str, str]) -> Contents:
    """Return a ledger in which analyses and subjects have other names, also where others name them.

    Names in ``needs``, ``analyses`` and ``subjects`` follow; names in other settings do not.

    Parameters
    ----------
    contents
        The ledger; it is not changed.
    keys, subjects
        The new keys and the new names of subjects, by the old ones.
    """
    made = Contents(contents.project, broken=contents.broken)
    for name, document in contents.subjects.items():
        analyses = [
            _renamed(contents, Key(name, each["name"]), each, keys, subjects)
            for each in document.get("analyses") or ()
        ]
        new = subjects.get(name, name)
        changed = {**document, "name": new, **({"analyses": analyses} if analyses else {})}
        made.subjects[new] = changed
    for key, entry in contents.entries.items():
        new_key = keys.get(key, key)
        if key.subject == PROJECT_ANALYSES:
            data = _renamed(contents, key, entry.data, keys, subjects)
            made.entries[new_key] = Entry(new_key, data, f"analyses/{new_key.name}.yaml")
        else:
            listed = made.subjects[new_key.subject]["analyses"]
            data = next(each for each in listed if each["name"] == new_key.name)
            made.entries[new_key] = Entry(new_key, data, f"subjects/{new_key.subject}.yaml")
    return made


def _renamed(
    contents: Contents,
    key: Key,
    data: Mapping[str, Any],
    keys: Mapping[Key, Key],
    subjects: Mapping[str, str],
) -> dict[str, Any]:
    """Return the document of an analysis with its name, and the names in it, changed."""
    made = {**data, "name": keys.get(key, key).name}
    return renamed_settings(contents, key, made, keys, subjects)


def renamed_settings(
    contents: Contents,
    key: Key,
    data: Mapping[str, Any],
    keys: Mapping[Key, Key],
    subjects: Mapping[str, str],
) -> dict[str, Any]:
    """Return settings of an analysis with the names changed that they hold of others.

    Parameters
    ----------
    contents
        The ledger before the renaming.
    key, data
        The analysis, and settings of it.
    keys, subjects
        The new keys and the new names of subjects, by the old ones.
    """

    def change(path: str, value: str) -> str:
        bare = value.strip().removeprefix("!").strip()
        return value.replace(bare, new) if (new := _new(path, bare)) and new != bare else value

    def _new(path: str, value: str) -> str:
        if path == "subject":
            return subjects.get(value, value)
        if path != "name":
            return value
        if "/" in value:
            old = Key(*value.split("/", 1))
            return str(keys.get(old, old))
        if key.subject != PROJECT_ANALYSES:
            return keys.get(Key(key.subject, value), Key("", value)).name
        meant = [each for each in contents.entries if each.name == value]
        return keys.get(meant[0], meant[0]).name if len(meant) == 1 else value

    made = dict(data)
    for field in ("needs", "analyses"):
        if isinstance(data.get(field), list):
            made[field] = [_item(each, change) for each in data[field]]
    if isinstance(data.get("subjects"), list):
        made["subjects"] = [subjects.get(each, each) for each in data["subjects"]]
    return made


def _item(item: Any, change: _Change) -> Any:
    if isinstance(item, list):
        return [_item(each, change) for each in item]
    if isinstance(item, Mapping):
        return {
            path: change(str(path), value) if isinstance(value, str) else value
            for path, value in item.items()
        }
    if not isinstance(item, str):
        return item
    path, colon, value = item.partition(":")
    return f"{path}:{change(path.strip(), value)}" if colon else change("name", item)
