"""Evaluating a bundle on labelled records, with the baseline beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.analyzer import Analyzer
from models.errors import XiaobaoError
from models.record import LabelledRecord
from training.baselines.linear import LinearBaseline, fit_baseline
from training.evaluation.behaviour import Suite, behaviour_table, run_suites
from training.evaluation.measuring import Measured, measure_part
from training.evaluation.robustness import noise_table
from training.examples.provenance import is_own, pick, split_again
from training.examples.splits import Split


class EvaluateError(XiaobaoError):
    """Records that nothing can be measured on."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The part of some records to look at: ``places`` are its indices, in order.

    ``own``: they are the records that the bundle was trained on. ``parts``: their split, where one
    was needed.
    """

    name: str
    places: tuple[int, ...]
    own: bool
    parts: Split | None = None


def choose(
    records: Sequence[LabelledRecord],
    manifest: Mapping[str, Any],
    *,
    part: str,
    split_own: bool = True,
) -> Chosen:
    """The part of the records that is meant; ``split_own``: split the bundle's own in any case.

    part: ``all``, ``train``, ``development``, ``test``, or ``auto``: the development split where
    the records are those that the bundle was trained on, else all.

    Raises EvaluateError for a part without records.
    """
    own = is_own(records, manifest)
    name = ("development" if own else "all") if part == "auto" else part
    parts = split_again(records, manifest) if name != "all" or (own and split_own) else None
    places = getattr(parts, name) if name != "all" else tuple(range(len(records)))
    if not places:
        raise EvaluateError(f"{name}: 0 of {len(records)} records found, at least 1 wanted")
    return Chosen(name, places, own, parts)


def evaluate_bundle(
    analyzer: Analyzer,
    records: Sequence[LabelledRecord],
    chosen: Chosen,
    *,
    baseline_records: Sequence[LabelledRecord] = (),
    noise: bool = False,
    suites: Sequence[Suite] = (),
) -> Measured:
    """The bundle's figures on the records chosen.

    The baseline is fitted on ``baseline_records``; without any, on the training split of the
    bundle's own records; on others there is none. noise: also measured under spelling noise;
    suites: behavioural tests to put to the bundle.
    """
    looked_at = [records[place] for place in chosen.places]
    baseline = None
    if baseline_records:
        parts = split_again(baseline_records, analyzer.bundle.manifest)
        baseline = _baseline(analyzer, baseline_records, parts)
    elif chosen.own and chosen.parts:
        baseline = _baseline(analyzer, records, chosen.parts)
    measured = measure_part(chosen.name, looked_at, analyzer=analyzer, baseline=baseline)
    tables = [*measured.tables]
    tables += [noise_table(looked_at, analyzer=analyzer)] if noise else []
    tables += [behaviour_table(run_suites(suites, analyzer))] if suites else []
    return replace(measured, tables=tuple(tables))


def _baseline(
    analyzer: Analyzer, records: Sequence[LabelledRecord], parts: Split
) -> LinearBaseline:
    train, development = (pick(records, parts, part) for part in ("train", "development"))
    return fit_baseline(train, development, labels=analyzer.bundle.labels)
