"""Evaluating a bundle on labelled records, with the baseline beside it."""

from collections.abc import Sequence
from dataclasses import replace

from models.analyzer import Analyzer
from models.errors import XiaobaoError
from models.record import LabelledRecord
from training.behaviour import Suite, behaviour_table, run_suites
from training.linear import LinearBaseline, fit_baseline
from training.measuring import Measured, measure_part
from training.provenance import is_own, pick, split_again
from training.robustness import noise_table
from training.splits import Split, split


class EvaluateError(XiaobaoError):
    """Records that nothing can be measured on."""


def evaluate_bundle(
    analyzer: Analyzer,
    records: Sequence[LabelledRecord],
    *,
    part: str,
    baseline_records: Sequence[LabelledRecord] = (),
    noise: bool = False,
    suites: Sequence[Suite] = (),
) -> Measured:
    """The bundle's figures on a part of the records.

    part: ``all``, ``train``, ``development``, ``test``, or ``auto``: the development split where
    the records are those that the bundle was trained on, else all. The baseline is fitted on
    ``baseline_records``; without any, on the training split of the bundle's own records; on
    others there is none. noise: also measured under spelling noise; suites: behavioural tests to
    put to the bundle.

    Raises EvaluateError for a part without records, ProvenanceError for own records whose labels
    have changed so far that the split is another.
    """
    manifest = analyzer.bundle.manifest
    own = is_own(records, manifest)
    name = ("development" if own else "all") if part == "auto" else part
    split_needed = name != "all" or (own and not baseline_records)
    parts = split_again(records, manifest) if split_needed else None
    chosen = pick(records, parts, name) if parts and name != "all" else list(records)
    if not chosen:
        raise EvaluateError(f"{name}: 0 of {len(records)} records found, at least 1 wanted")
    baseline = None
    if baseline_records:
        baseline = _baseline(analyzer, baseline_records, split(baseline_records, seed=0))
    elif own and parts:
        baseline = _baseline(analyzer, records, parts)
    measured = measure_part(name, chosen, analyzer=analyzer, baseline=baseline)
    tables = [noise_table(chosen, analyzer=analyzer)] if noise else []
    tables += [behaviour_table(run_suites(suites, analyzer))] if suites else []
    return replace(measured, tables=tuple(tables))


def _baseline(
    analyzer: Analyzer, records: Sequence[LabelledRecord], parts: Split
) -> LinearBaseline:
    train, development = (pick(records, parts, part) for part in ("train", "development"))
    return fit_baseline(train, development, labels=analyzer.bundle.labels)
