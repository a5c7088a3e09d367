"""The mapping file: which old code becomes which new ones, by what rule. Knows no rows of a file.

``codes`` names for each old code one new code (several old ones may go to one), nothing, or a
table: ``{to: [A, B], rule: all}``, ``{to: [A, B], rule: person}``, ``{rule: drop}``, or
``{by: channel, values: {bank: A, agent: B}}``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from models.errors import XiaobaoError
from models.strict_yaml import Entry, read_entry, read_text
from training.examples.taxonomies.differences import Difference

RULES = ("all", "person", "drop")
OTHERS = ("aside", "keep")
FIELDS = ("genre", "source", "channel", "product", "role", "record_type")


class MappingError(XiaobaoError):
    """A mapping file that cannot be used: names file, code, value found and value wanted."""


@dataclass(frozen=True, slots=True)
class MappingTarget:
    """Where an old code goes.

    ``rule`` is ``one``, ``none`` (it has no target), ``all``, ``person``, ``drop`` (falls away
    beside another cause) or ``by``: the value of the field ``by`` decides, by ``values``.
    """

    rule: str
    to: tuple[str, ...] = ()
    by: str | None = None
    values: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class CodeMapping:
    """Targets by old code; with ``keeps_others`` a code that is not named stays as it is."""

    targets: Mapping[str, MappingTarget]
    keeps_others: bool = False

    def target_of(self, code: str) -> MappingTarget:
        """The target of a code."""
        other = MappingTarget("one", (code,)) if self.keeps_others else MappingTarget("none")
        return self.targets.get(code, other)

    def check_known(self, causes: Collection[str], *, name: str) -> None:
        """Raise MappingError with every target that is none of ``causes``."""
        unknown = [
            f"{code} → {cause}"
            for code, target in self.targets.items()
            for cause in (*target.to, *target.values.values())
            if cause not in causes
        ]
        if unknown:
            wanted = f"{len(causes)} causes of the new taxonomy"
            raise MappingError(f"{name}: codes: found {', '.join(unknown)}, wanted one of {wanted}")


def load_mapping(path: Path) -> CodeMapping:
    """The mapping in a file; MappingError with its place for what cannot be used."""
    return parse_mapping(read_text(path, error=MappingError), name=str(path))


def parse_mapping(text: str, *, name: str) -> CodeMapping:
    """The mapping in a YAML text; ``name`` stands for the file in a MappingError."""
    top = read_entry(text, name=name, error=MappingError)
    top.check_keys(("version", "from", "to", "others", "codes"))
    others = top.choice("others", OTHERS) if "others" in top.fields else "aside"
    codes = top.entry("codes", wanted="a table of old codes")
    return CodeMapping({code: _target(codes, code) for code in codes.fields}, others == "keep")


def draft_mapping(difference: Difference) -> str:
    """A mapping file to begin with: what is sure is filled in, what is gone has no target."""
    leaves = [node for node in difference.old.values() if node.is_leaf]
    codes = {node.id: _drafted(difference, node.id) for node in leaves}
    body = yaml.safe_dump({"codes": codes}, allow_unicode=True, sort_keys=False, width=100)
    return f"# 旧码: 新码;空为无对应 · old code: new code; empty: no target\nothers: aside\n{body}"


def _drafted(difference: Difference, id_: str) -> object:
    found = difference.new.get(difference.same.get(id_, ""))
    if found is None:
        return None
    return found.id if found.is_leaf else {"to": list(found.leaves), "rule": "person"}


def _target(codes: Entry, code: str) -> MappingTarget:
    found = codes.fields[code]
    if found is None:
        return MappingTarget("none")
    if isinstance(found, str):
        return MappingTarget("one", (codes.text(code),))
    wanted = "a new code, nothing, or a table with a rule"
    entry = codes.entry(code, wanted=wanted)
    entry.check_keys(("to", "rule", "by", "values"))
    return _by_field(entry) if "by" in entry.fields else _by_rule(entry)


def _by_field(entry: Entry) -> MappingTarget:
    entry.check_keys(("by", "values"))
    values = entry.text_map("values")
    if not values:
        raise entry.fail("values", found="nothing", wanted="a table of values and new codes")
    return MappingTarget("by", by=entry.choice("by", FIELDS), values=values)


def _by_rule(entry: Entry) -> MappingTarget:
    rule, to = entry.choice("rule", RULES), entry.texts("to")
    if bool(to) != (rule != "drop"):
        wanted = "no new code" if rule == "drop" else "at least one new code"
        raise entry.fail("to", found=", ".join(to) or "nothing", wanted=wanted)
    return MappingTarget(rule, to)
