"""Cases to a file for annotators: Label Studio's JSON with its interface, or a workbook."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.analyzer import Analyzer, load_analyzer
from models.assessment import Assessment
from models.causes import RootCauseTaxonomy
from models.codebook import Codebook
from models.errors import XiaobaoError
from models.labels import facets_of, label_space
from models.record import LabelledRecord
from models.rows import RowFault
from models.whole_files import keep_inputs, keep_work
from training.code_tables import code_tables
from training.examples.annotating.cases import AnnotationCase, read_cases
from training.examples.annotating.label_studio_tasks import Suggestion, task_of
from training.examples.annotating.labelling_config import labelling_config
from training.examples.annotating.workbook import write_workbook
from training.examples.labelled import known_labels
from training.examples.whole_files import write_json, write_whole
from training.predictions import prediction_of

IDENTIFIERS = (
    "phone", "address", "payee_account", "policyholder", "policy_no", "seller",
    "attachment_author",
)  # fmt: skip


class AnnotationExportError(XiaobaoError):
    """An export that was asked for in a way that cannot be."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, how many cases, and the faults of rows that are not among them.

    ``left_out`` counts, by field, values of labelled cases that the taxonomy does not know.
    """

    files: tuple[Path, ...]
    cases: int
    faults: tuple[RowFault, ...]
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Tables:
    taxonomy: RootCauseTaxonomy
    codebook: Codebook
    without: tuple[str, ...]
    suggestions: Sequence[Suggestion | None]


def export(
    file: Path,
    out: Path,
    *,
    bundle: Path | None = None,
    taxonomy: Path | None = None,
    codebook: Path | None = None,
    without_identifiers: bool = False,
) -> Exported:
    """Writes ``out`` and what goes with it; labels are read by the bundle's tables where one is.

    Raises AnnotationExportError for another suffix, or a bundle beside a taxonomy or codebook;
    OutputError for an output that is an input, or a workbook that is there.
    """
    write = _WRITERS.get(out.suffix.lower())
    if write is None:
        raise AnnotationExportError(
            f"--out: found {out.name}, wanted a file that ends in .json or .xlsx"
        )
    if bundle is not None and (taxonomy or codebook):
        raise AnnotationExportError(
            "--bundle: found --taxonomy or --codebook beside it, wanted one of them"
        )
    keep_inputs(_files_of(out), (file, taxonomy, codebook))
    if write is _write_sheet:
        keep_work(out, holds="labels")
    analyzer = load_analyzer(bundle) if bundle is not None else None
    tree, book = (
        (analyzer.bundle.taxonomy, analyzer.bundle.codebook)
        if analyzer
        else code_tables(taxonomy, codebook).read()
    )
    known, left_out = known_labels(label_space(tree, book), facets_of(tree)), Counter[str]()
    cases, faults = read_cases(file, known=known, left_out=left_out)
    without = IDENTIFIERS if without_identifiers else ()
    files, more = write(out, cases, _Tables(tree, book, without, _suggestions(cases, analyzer)))
    return Exported(files, len(cases) - len(more), (*faults, *more), left_out)


def _files_of(out: Path) -> tuple[Path, ...]:
    return (out, out.with_suffix(".config.xml")) if out.suffix.lower() == ".json" else (out,)


_Written = tuple[tuple[Path, ...], tuple[RowFault, ...]]


def _write_tasks(out: Path, cases: Sequence[AnnotationCase], tables: _Tables) -> _Written:
    tasks = [
        task_of(case, taxonomy=tables.taxonomy, suggestion=suggestion, without=tables.without)
        for case, suggestion in zip(cases, tables.suggestions, strict=True)
    ]
    facets = facets_of(tables.taxonomy)
    _, interface = files = _files_of(out)
    write_json(out, tasks)
    text = labelling_config(tables.taxonomy, tables.codebook, facets)
    write_whole(interface, text.encode("utf-8"))
    return files, ()


def _write_sheet(out: Path, cases: Sequence[AnnotationCase], tables: _Tables) -> _Written:
    suggested = [one.labelled.primary if one else "" for one in tables.suggestions]
    content, faults = write_workbook(
        cases,
        taxonomy=tables.taxonomy,
        codebook=tables.codebook,
        suggested=suggested if any(suggested) else None,
        without=tables.without,
    )
    write_whole(out, content)
    return (out,), faults


_WRITERS: dict[str, Callable[[Path, Sequence[AnnotationCase], _Tables], _Written]] = {
    ".json": _write_tasks,
    ".xlsx": _write_sheet,
}


def _suggestions(
    cases: Sequence[AnnotationCase], analyzer: Analyzer | None
) -> list[Suggestion | None]:
    """What the model says of the cases that nobody has labelled; None for the others."""
    open_ = [case for case in cases if case.labelled is None] if analyzer else []
    answers = iter(analyzer.assess([case.record for case in open_]) if analyzer else ())
    return [
        _suggestion(case, next(answers)) if analyzer and case.labelled is None else None
        for case in cases
    ]


def _suggestion(case: AnnotationCase, answer: Assessment) -> Suggestion:
    said = prediction_of(answer)
    labelled = LabelledRecord(
        case.record,
        said.primary,
        tuple(label.id for label in answer.root_cause.labels),
        signs=tuple(sign.id for sign in answer.agent.signs),
        marks=tuple(mark.id for mark in answer.agent.marks),
        demand=answer.facets.demand,
        record_type=answer.facets.record_type,
        spans=said.spans,
    )
    return Suggestion(labelled, answer.model.bundle, said.primary_probability)
