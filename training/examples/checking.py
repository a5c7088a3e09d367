"""What is in labelled files and what looks wrong: counts, faults, duplicates, suspicious labels.

Reports and changes nothing. A finding is a question to the annotator, not a verdict; texts are
never quoted, places are `file:row`.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

from models.decoding import MOST_CAUSES
from models.evidence import MOST as MOST_SPANS
from models.record import LabelledRecord
from models.rows import ReadingNote, RowFault
from models.taxonomy import default_taxonomy
from training.examples.disagreement import find_disagreements, find_doubts
from training.examples.near_duplicates import near_pairs
from training.examples.reading import Examples
from training.examples.splits import split

FEWEST = 10
SHOWN_PER_KIND = 20

# What each count counts, in the order of the report.
_COUNTED: tuple[tuple[str, str], ...] = (
    ("causes", "causes"),
    ("signs", "signs"),
    ("marks", "marks"),
    ("genre", "record.genre"),
    ("record_type", "record_type"),
    ("agent_run", "agent_run"),
    ("demand", "demand"),
    ("writer", "writer"),
)

Counts = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: its kind, the place `file:row` and what was found."""

    kind: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class SpanLengths:
    """Lengths of the evidence spans in characters; all 0 without spans."""

    count: int = 0
    least: int = 0
    median: float = 0.0
    p95: float = 0.0
    most: int = 0


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of `check`: ``counts`` by what is counted, most frequent first.

    ``rare`` are the causes, signs and marks with fewer than `FEWEST` records; ``split_sizes`` are
    the records in train, development and test of the default split.
    """

    records: int
    faults: tuple[RowFault, ...]
    notes: tuple[ReadingNote, ...]
    counts: Mapping[str, Counts]
    rare: Counts
    spans: SpanLengths
    split_sizes: tuple[int, int, int]
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers."""
        plain = asdict(self)
        plain["counts"] = {name: dict(pairs) for name, pairs in self.counts.items()}
        plain["rare"] = dict(self.rare)
        return plain

    def as_text(self) -> str:
        """Lines for a terminal; of many findings of one kind the first twenty."""
        return "\n".join(_lines(self))


def check(
    examples: Examples,
    *,
    labels: Collection[str] = (),
    technical: Collection[str] | None = None,
    seed: int = 0,
    disagreements: bool = False,
    label_errors: bool = False,
) -> CheckReport:
    """Look through labelled examples.

    ``labels`` are the ids there should be examples of; ``technical`` those of the causes that need
    no evidence (default: those of the taxonomy shipped); ``seed`` is that of the default split;
    ``disagreements`` adds the primary causes that a quick model, trained on the other records,
    would not have given (some seconds per thousand texts); ``label_errors`` the labels that are
    likely wrong or missing, by confident learning (about ten seconds per thousand texts).
    """
    records = examples.records
    places = [f"{file}:{row}" for file, row in examples.places]
    parts = split(records, seed=seed)
    counts = {name: _counted(records, path) for name, path in _COUNTED}
    findings = [
        *_note_findings(examples.notes),
        *_text_findings(records, places),
        *_label_findings(records, places, _technical() if technical is None else technical),
    ]
    if disagreements:
        findings += (
            Finding("disagreement", places[i], f"{records[i].primary}, a quick model says {other}")
            for i, other in find_disagreements(records)
        )
    if label_errors:
        findings += _doubt_findings(records, places)
    return CheckReport(
        records=len(records),
        faults=examples.faults,
        notes=examples.notes,
        counts=counts,
        rare=_rare(counts, labels),
        spans=_span_lengths(records),
        split_sizes=(len(parts.train), len(parts.development), len(parts.test)),
        findings=tuple(findings),
    )


def _counted(records: Sequence[LabelledRecord], path: str) -> Counts:
    counter: Counter[str] = Counter()
    for record in records:
        value: Any = record
        for name in path.split("."):
            value = getattr(value, name)
        values = value if isinstance(value, tuple) else (value,)
        counter.update("(none)" if item is None else str(item) for item in values)
    return tuple(sorted(counter.items(), key=lambda pair: (-pair[1], pair[0])))


def _rare(counts: Mapping[str, Counts], labels: Collection[str]) -> Counts:
    seen = {**dict.fromkeys(labels, 0)}
    for kind in ("causes", "signs", "marks"):
        seen.update(counts[kind])
    few = ((label, count) for label, count in seen.items() if count < FEWEST)
    return tuple(sorted(few, key=lambda pair: (pair[1], pair[0])))


def _note_findings(notes: Iterable[ReadingNote]) -> Iterator[Finding]:
    for note in notes:
        if note.ignored_columns:
            names = ", ".join(note.ignored_columns)
            yield Finding("unknown_column", note.file, f"ignored: {names}")
        for field, count in note.left_out:
            yield Finding("damaged_number", note.file, f"{field}: {count} left out, digits lost")
        for field, wanted, count in note.unused:
            yield Finding("unused_value", note.file, f"{field}: {count} left out, wanted {wanted}")
        for field, count in note.unknown:
            reason = f"{field}: {count} left out, not in the taxonomy"
            yield Finding("unknown_value", note.file, reason)
        for sheet in note.skipped_sheets:
            yield Finding("skipped_sheet", note.file, f"sheet {sheet!r} has no text column")


def _text_findings(records: Sequence[LabelledRecord], places: Sequence[str]) -> Iterator[Finding]:
    """Equal texts, with equal labels or not, and near-duplicates; a split keeps them together."""
    same: defaultdict[str, list[int]] = defaultdict(list)
    for i, record in enumerate(records):
        same[record.record.text.strip()].append(i)
    for first, *others in same.values():
        for other in others:
            agree = _labels(records[first]) == _labels(records[other])
            kind = "double_text" if agree else "label_conflict"
            rest = "" if agree else ", other labels"
            yield Finding(kind, places[other], f"same text as {places[first]}{rest}")
    for left, right, similarity in near_pairs([record.record.text for record in records]):
        if records[left].record.text.strip() != records[right].record.text.strip():
            yield Finding("near_duplicate", places[right], f"{similarity:.2f} like {places[left]}")


def _labels(record: LabelledRecord) -> tuple[object, ...]:
    sets = (frozenset(record.causes), frozenset(record.signs), frozenset(record.marks))
    return (record.primary, *sets, record.agent_run)


def _technical() -> tuple[str, ...]:
    return tuple(cause.id for cause in default_taxonomy().causes if cause.technical)


def _label_findings(
    records: Sequence[LabelledRecord], places: Sequence[str], technical: Collection[str]
) -> Iterator[Finding]:
    """Labels against the annotation rules; technical causes and marks need no span."""
    for record, place in zip(records, places, strict=True):
        spans = Counter(label for span in record.spans for label in span.labels)
        for label in (*record.causes, *record.signs):
            if label not in spans and label not in technical:
                yield Finding("no_evidence", place, f"{label} has no span")
        for label, count in spans.items():
            if count > MOST_SPANS:
                yield Finding("many_spans", place, f"{label} has {count}, wanted {MOST_SPANS}")
        if len(record.causes) > MOST_CAUSES:
            found = f"{len(record.causes)} causes, wanted at most {MOST_CAUSES}"
            yield Finding("many_causes", place, found)


def _doubt_findings(records: Sequence[LabelledRecord], places: Sequence[str]) -> Iterator[Finding]:
    """Likely label errors, the surest first; a primary cause is never missing."""
    for doubt in find_doubts(records):
        kind = f"{'wrong' if doubt.given else 'missing'}_{doubt.kind}"
        given, suggested = doubt.given or "none", doubt.suggested or "none"
        among = " (among its causes)" if suggested in records[doubt.at].causes else ""
        yield Finding(
            kind,
            places[doubt.at],
            f"given {given}, suggested {suggested}{among}, "
            f"self-confidence {doubt.self_confidence:.3f}",
        )


def _span_lengths(records: Iterable[LabelledRecord]) -> SpanLengths:
    lengths = [span.end - span.start for record in records for span in record.spans]
    if not lengths:
        return SpanLengths()
    p95 = quantiles(lengths, n=20, method="inclusive")[-1] if len(lengths) > 1 else lengths[0]
    return SpanLengths(len(lengths), min(lengths), median(lengths), p95, max(lengths))


def _lines(report: CheckReport) -> Iterator[str]:
    train, development, test = report.split_sizes
    yield f"{report.records} records, {len(report.faults)} faults"
    yield f"default split: {train} train, {development} development, {test} test"
    yield (
        f"evidence: {report.spans.count} spans of {report.spans.least} to {report.spans.most} "
        f"characters, median {report.spans.median:g}, 95 % up to {report.spans.p95:g}"
    )
    yield from _section("faults", [str(fault) for fault in report.faults])
    for name, pairs in report.counts.items():
        yield f"\n{name}"
        yield from (f"  {count:6d}  {label}" for label, count in pairs)
    rare = [f"{label}: {count}" for label, count in report.rare]
    yield from _section(f"labels with fewer than {FEWEST} records", rare)
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for finding in report.findings:
        kinds[finding.kind].append(f"{finding.place}: {finding.reason}")
    for kind, found in kinds.items():
        yield from _section(kind.replace("_", " "), found)


def _section(title: str, found: Sequence[str]) -> Iterator[str]:
    if found:
        yield f"\n{title} ({len(found)})"
        yield from (f"  {line}" for line in found[:SHOWN_PER_KIND])
        if len(found) > SHOWN_PER_KIND:
            yield f"  … and {len(found) - SHOWN_PER_KIND} more"
