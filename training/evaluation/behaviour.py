"""Behavioural tests: what a reader must be able to do, told in small texts by hand.

After CheckList (Ribeiro et al. 2020): minimum functionality (one text, what its answer must
hold), invariance (rewritings that may not change the answer) and direction (an addition that may
move it one way only). The texts are never trained on; what fails is named by its place alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.analyzer import Analyzer
from models.assessment import Assessment
from models.codebook import Codebook
from models.errors import XiaobaoError
from models.record import Record
from models.strict_yaml import Entry, check_ids, read_entry, read_text
from training.evaluation.tables import Table

SLACK = 0.02  # the agent probability may waver by so much


class BehaviourError(XiaobaoError):
    """A file of behavioural tests that cannot be read."""


@dataclass(frozen=True, slots=True)
class BehaviourCase:
    """A text, what is compared with it, and what is wanted; ``wanted``: name to value.

    ``others``: rewritings (invariance) or the text with its addition (direction); a minimum case
    has none.
    """

    place: str
    text: str
    others: tuple[str, ...]
    wanted: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases that ask for one ability; ``kind``: minimum, invariance or direction."""

    id: str
    zh: str
    kind: str
    cases: tuple[BehaviourCase, ...]


@dataclass(frozen=True, slots=True)
class SuiteOutcome:
    """How a suite went: tests counted (a rewriting each), those passed, places that failed."""

    suite: Suite
    tests: int
    failed: tuple[str, ...]

    @property
    def passed(self) -> int:
        """Tests that went as wanted."""
        return self.tests - len(self.failed)


def load_suites(path: Path) -> tuple[Suite, ...]:
    """The suites of a YAML file; BehaviourError names the place of what is wrong."""
    text = read_text(path, error=BehaviourError)
    root = read_entry(text, name=str(path), error=BehaviourError)
    root.check_keys(("version", "suites"))
    entries = root.entries("suites")
    check_ids(entries)
    return tuple(_suite(entry) for entry in entries)


def run_suites(suites: Sequence[Suite], analyzer: Analyzer) -> tuple[SuiteOutcome, ...]:
    """Every case put to the analyzer, suite by suite."""
    return tuple(_run(suite, analyzer) for suite in suites)


def behaviour_table(outcomes: Sequence[SuiteOutcome]) -> Table:
    """How each suite went, and where it failed: places in the file, no texts."""
    rows = [
        (f"{each.suite.zh} {each.suite.id}", each.suite.kind, f"{each.passed}/{each.tests}",
         "; ".join(each.failed))
        for each in outcomes
    ]  # fmt: skip
    passed, tests = sum(o.passed for o in outcomes), sum(o.tests for o in outcomes)
    rows.append(("合计 total", "", f"{passed}/{tests}", ""))
    columns = ("能力 ability", "方式 kind", "通过 passed", "未通过 failed")
    return Table("行为测试 Behavioural tests", columns, tuple(rows))


def _suite(entry: Entry) -> Suite:
    entry.check_keys(("id", "zh", "kind", "cases"))
    kind, own = entry.choice("kind", tuple(_CHECKS)), entry.text("id")
    cases = [_case(each, kind, f"{own}:{n}") for n, each in enumerate(entry.entries("cases"), 1)]
    return Suite(own, entry.text("zh"), kind, tuple(cases))


def _case(entry: Entry, kind: str, place: str) -> BehaviourCase:
    entry.check_keys(("text", "wanted", *_OTHERS[kind]))
    text = entry.text("text")
    others = entry.texts("variants")
    if "added" in _OTHERS[kind]:
        others = (text + entry.text("added"),)
    wanted = entry.fields.get("wanted")
    if isinstance(wanted, list):
        wanted = {str(name): True for name in wanted}
    known = ", ".join(_CHECKS[kind])
    if not isinstance(wanted, dict) or not wanted:
        raise entry.fail("wanted", found=wanted, wanted=f"some of {known}")
    for name in wanted:
        if name not in _CHECKS[kind]:
            raise entry.fail("wanted", found=name, wanted=f"one of {known}")
    return BehaviourCase(place, text, others, wanted)


def _run(suite: Suite, analyzer: Analyzer) -> SuiteOutcome:
    texts = [text for case in suite.cases for text in (case.text, *case.others)]
    answers = iter(analyzer.assess([Record(text) for text in texts]))
    tests, failed = 0, []
    for case in suite.cases:
        first = next(answers)
        pairs = [(first, next(answers)) for _ in case.others] or [(first, first)]
        for number, (before, after) in enumerate(pairs, 1):
            tests += 1
            if wrong := _wrong(suite, case, before, after, analyzer.bundle.codebook):
                failed.append(f"{case.place}.{number} {','.join(wrong)}")
    return SuiteOutcome(suite, tests, tuple(failed))


def _wrong(
    suite: Suite, case: BehaviourCase, before: Assessment, after: Assessment, codebook: Codebook
) -> list[str]:
    checks = _CHECKS[suite.kind]
    return [n for n, v in case.wanted.items() if not checks[n](before, after, v, codebook)]


def _ids(found: Sequence[Any]) -> set[str]:
    return {each.id for each in found}


def _is_primary(_: Assessment, answer: Assessment, value: str, __: Codebook) -> bool:
    return answer.root_cause.primary.id == value or _branch(answer) == value


def _branch(answer: Assessment) -> str:
    return answer.root_cause.level1[0].id  # the parents of the labels, the primary one's first


def _agent_moves(before: Assessment, after: Assessment) -> float:
    return after.agent.probability - before.agent.probability


def _level_moves(before: Assessment, after: Assessment, codebook: Codebook) -> int:
    return codebook.rank_of(after.agent.level) - codebook.rank_of(before.agent.level)


_Check = Callable[[Assessment, Assessment, Any, Codebook], bool]

_MINIMUM: Mapping[str, _Check] = {
    "primary": _is_primary,
    "causes": lambda _, a, v, __: set(v) <= _ids(a.root_cause.labels),
    "no_causes": lambda _, a, v, __: not set(v) & _ids(a.root_cause.labels),
    "signs": lambda _, a, v, __: set(v) <= _ids(a.agent.signs),
    "no_signs": lambda _, a, v, __: not set(v) & _ids(a.agent.signs),
    "marks": lambda _, a, v, __: set(v) <= _ids(a.agent.marks),
    "no_marks": lambda _, a, v, __: not set(v) & _ids(a.agent.marks),
    "level": lambda _, a, v, __: a.agent.level == v,
    "level_at_most": lambda _, a, v, c: c.rank_of(a.agent.level) <= c.rank_of(v),
    "level_at_least": lambda _, a, v, c: c.rank_of(a.agent.level) >= c.rank_of(v),
}
_SAME: Mapping[str, _Check] = {
    "primary": lambda b, a, _, __: a.root_cause.primary.id == b.root_cause.primary.id,
    "level1": lambda b, a, _, __: _branch(a) == _branch(b),
    "level": lambda b, a, _, __: a.agent.level == b.agent.level,
}
_MOVED: Mapping[str, _Check] = {
    "agent_not_lower": lambda b, a, _, __: _agent_moves(b, a) >= -SLACK,
    "agent_not_higher": lambda b, a, _, __: _agent_moves(b, a) <= SLACK,
    "level_not_lower": lambda b, a, _, c: _level_moves(b, a, c) >= 0,
    "level_not_higher": lambda b, a, _, c: _level_moves(b, a, c) <= 0,
}
_CHECKS: Mapping[str, Mapping[str, _Check]] = {
    "minimum": _MINIMUM,
    "invariance": _SAME,
    "direction": _MOVED,
}
_OTHERS = {"minimum": (), "invariance": ("variants",), "direction": ("added",)}
