"""YAML files read strictly: every error names file, place, what stands there and what is wanted.

Knows plain fields; knows nothing of causes or signs. A key that stands twice in one mapping is an
error, where YAML would keep the last one in silence; so is a key that nobody reads.
"""

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from models.errors import XiaobaoError

try:
    from yaml import CSafeLoader as SafeLoader  # ten times as fast, and every start reads YAML
except ImportError:  # a build of PyYAML without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

LONGEST_FOUND = 60


class _StrictLoader(SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                problem = f"key {key.value} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


@dataclass(frozen=True, slots=True)
class Entry:
    """One mapping of a YAML file; its methods read fields or refuse them at ``place``."""

    file: str
    place: str
    fields: Mapping[str, Any]
    error: type[XiaobaoError]

    def fail(self, key: str, *, found: object, wanted: str) -> XiaobaoError:
        """The error to raise about the field ``key`` of this entry."""
        shown = "nothing" if found is None else str(found)[:LONGEST_FOUND] or "an empty text"
        where = ": ".join(part for part in (self.file, self.place, key) if part)
        return self.error(f"{where}: found {shown}, wanted {wanted}")

    def refuse(self, key: str, *, found: object, wanted: str) -> None:
        """Raise ``error`` about the field ``key``; an ``Examined`` notes it and goes on."""
        raise self.fail(key, found=found, wanted=wanted)

    def check_keys(self, known: Collection[str]) -> None:
        """Refuse a field that is not ``known``: a misspelt rule must not pass unread."""
        for key in self.fields:
            if key not in known:
                self.refuse("", found=f"unknown key {key}", wanted=f"one of {_listed(known)}")

    def text(self, key: str, *, wanted: str = "text") -> str:
        """The text at ``key``; absent, empty or of another type is an error."""
        found = self.fields.get(key)
        if not isinstance(found, str) or not found.strip():
            self.refuse(key, found=found, wanted=wanted)
            return ""
        return found

    def optional_text(self, key: str) -> str | None:
        """The text at ``key``, or None where the key is absent."""
        return self.text(key) if key in self.fields else None

    def texts(self, key: str) -> tuple[str, ...]:
        """The list of texts at ``key``, empty where the key is absent."""
        found = self.fields.get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            self.refuse(key, found=found, wanted="a list of texts")
            return ()
        return tuple(found)

    def choice(self, key: str, allowed: Collection[str]) -> str:
        """The text at ``key``, one of ``allowed``."""
        wanted = f"one of {_listed(allowed)}"
        found = self.text(key, wanted=wanted)
        if found and found not in allowed:
            self.refuse(key, found=found, wanted=wanted)
        return found

    def choices(self, key: str, allowed: Collection[str]) -> tuple[str, ...]:
        """The texts at ``key``, each one of ``allowed``; empty where the key is absent."""
        found = self.texts(key)
        for item in found:
            if item not in allowed:
                self.refuse(key, found=item, wanted=f"any of {_listed(allowed)}")
        return found

    def number(self, key: str, *, default: float | None = None, above: float = 0) -> float:
        """The number at ``key``, greater than ``above``; absent without a default is an error."""
        found = self.fields.get(key, default)
        if isinstance(found, bool) or not isinstance(found, int | float) or not found > above:
            self.refuse(key, found=found, wanted=f"a number above {above}")
            return above
        return found

    def share(self, key: str) -> float:
        """The probability at ``key``: above 0, at most 1."""
        found = self.number(key)
        if found > 1:
            self.refuse(key, found=found, wanted="a number of at most 1")
        return min(found, 1.0)

    def flag(self, key: str) -> bool:
        """The truth value at ``key``, False where the key is absent."""
        found = self.fields.get(key, False)
        if not isinstance(found, bool):
            self.refuse(key, found=found, wanted="true or false")
            return False
        return found

    def text_map(self, key: str) -> dict[str, str]:
        """The mapping of texts to texts at ``key``, empty where the key is absent."""
        inner = self.optional_entry(key)
        return {} if inner is None else {name: inner.text(name) for name in inner.fields}

    def entry(self, key: str, *, wanted: str = "a table of fields") -> "Entry":
        """The mapping at ``key``; absent or of another type is an error."""
        found = self.fields.get(key)
        if not isinstance(found, dict):
            self.refuse(key, found=_kind(found), wanted=wanted)
            found = {}
        return self._inner(key, found)

    def optional_entry(self, key: str) -> "Entry | None":
        """The mapping at ``key``, or None where the key is absent."""
        return self.entry(key) if key in self.fields else None

    def entries(self, key: str) -> tuple["Entry", ...]:
        """The list of mappings at ``key``, named by their ids; empty where the key is absent."""
        found = self.fields.get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            self.refuse(key, found=_kind(found), wanted="a list of tables")
            found = []
        return tuple(
            self._inner(str(item.get("id") or f"{key}[{number}]"), item)
            for number, item in enumerate(found, start=1)
        )

    def _inner(self, step: str, fields: Mapping[Any, Any]) -> "Entry":
        place = f"{self.place}.{step}" if self.place else step
        named = {key: value for key, value in fields.items() if isinstance(key, str)}
        inner = replace(self, place=place, fields=named)
        for key in fields:
            if not isinstance(key, str):
                inner.refuse("", found=f"key {key}", wanted="keys that are text")
        return inner


@dataclass(frozen=True, slots=True)
class Examined(Entry):
    """An entry that raises nothing: what it refuses it notes in ``faults`` and reads as empty."""

    faults: list[XiaobaoError] = field(default_factory=list)

    def refuse(self, key: str, *, found: object, wanted: str) -> None:
        """Note the fault and go on."""
        self.faults.append(self.fail(key, found=found, wanted=wanted))


def read_entry(
    text: str,
    *,
    name: str,
    error: type[XiaobaoError],
    faults: list[XiaobaoError] | None = None,
) -> Entry:
    """The mapping that a YAML file is; ``error`` is raised here and by all entries under it.

    With ``faults`` only a text that is no mapping is raised; every other fault is noted there.
    """
    try:
        # A SafeLoader: it builds plain values only.
        found = yaml.load(text, Loader=_StrictLoader)
    except (yaml.YAMLError, ValueError) as problem:  # ValueError: a date that does not exist
        raise error(f"{name}: {_line_of(problem)}") from problem
    if not isinstance(found, dict):
        raise error(f"{name}: found {_kind(found)}, wanted a table of fields")
    top = Entry(name, "", {}, error) if faults is None else Examined(name, "", {}, error, faults)
    return top._inner("", found)


def read_text(source: Traversable | Path, *, error: type[XiaobaoError]) -> str:
    """The text of a file in UTF-8, with or without a byte order mark."""
    try:
        return source.read_text("utf-8-sig")
    except UnicodeDecodeError as problem:
        found = f"byte {problem.start} is not UTF-8"
        raise error(f"{source}: found broken text ({found}), wanted UTF-8") from problem
    except OSError as problem:
        raise error(f"{source}: found {problem.strerror}, wanted a readable file") from problem


def check_ids(entries: Collection[Entry]) -> tuple[str, ...]:
    """The ids of ``entries`` in order; a missing or double id is an error."""
    ids: dict[str, Entry] = {}
    for entry in entries:
        found = entry.text("id", wanted="an id")
        if found in ids:
            entry.refuse("id", found=f"{found} twice", wanted="every id once")
        if found:
            ids[found] = entry
    return tuple(ids)


def _line_of(problem: Exception) -> str:
    mark = getattr(problem, "problem_mark", None)
    if mark is None:
        return f"found broken text ({' '.join(str(problem).split())}), wanted YAML in UTF-8"
    return f"line {mark.line + 1}: found {getattr(problem, 'problem', 'an error')}, wanted YAML"


def _kind(found: object) -> str | None:
    if isinstance(found, list | dict | str):
        return {list: "a list", dict: "a table", str: "a text"}[type(found)]
    return None if found is None else str(found)


def _listed(allowed: Collection[str]) -> str:
    return ", ".join(allowed) if isinstance(allowed, tuple | list) else ", ".join(sorted(allowed))
