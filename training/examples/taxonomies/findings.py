"""What may be wrong in a taxonomy that reads without fault: questions to its editor.

Holds the file against the codebook and against what training and annotation need of it.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from models.annotation import AnnotationError, write_tags
from models.codebook import Codebook
from models.labels import LabelSpaceError, label_space
from models.record import Span
from models.taxonomy import RootCauseTaxonomy


@dataclass(frozen=True, slots=True)
class Question:
    """Something to look at: its kind, the id it is about, what was found and what is wanted."""

    kind: str
    id: str
    reason: str

    def __str__(self) -> str:
        return f"{self.id}: {self.reason}"


def find_questions(taxonomy: RootCauseTaxonomy, codebook: Codebook) -> tuple[Question, ...]:
    """All findings, kind by kind, each kind in the order of the file."""
    return (
        *_without_examples(taxonomy),
        *_same_names(taxonomy),
        *_untaggable(taxonomy),
        *_unfit_facets(taxonomy, codebook),
        *_unmet_marks(taxonomy, codebook),
    )


def _without_examples(taxonomy: RootCauseTaxonomy) -> Iterator[Question]:
    for cause in taxonomy.causes:
        if not cause.examples:
            yield Question("no_examples", cause.id, "found no examples, wanted one or more")


def _same_names(taxonomy: RootCauseTaxonomy) -> Iterator[Question]:
    """Leaves that bear one name under one parent: who annotates cannot tell them apart."""
    bearers: defaultdict[tuple[object, str], list[str]] = defaultdict(list)
    for cause in taxonomy.causes:
        bearers[cause.above, cause.zh].append(cause.id)
    for (_, name), (first, *others) in bearers.items():
        for other in others:
            reason = f"found the name {name} of {first}, wanted a name of its own"
            yield Question("same_name", other, reason)


def _untaggable(taxonomy: RootCauseTaxonomy) -> Iterator[Question]:
    for cause in taxonomy.causes:
        try:
            write_tags("字", [Span(0, 1, (cause.id,))])
        except AnnotationError:
            wanted = "A-Z a-z 0-9 _ . - where texts are to be tagged inline"
            yield Question("untaggable_id", cause.id, f"found other characters, wanted {wanted}")


def _unfit_facets(taxonomy: RootCauseTaxonomy, codebook: Codebook) -> Iterator[Question]:
    try:
        label_space(taxonomy, codebook)
    except LabelSpaceError as error:
        yield Question("facets", "facets", str(error))


def _unmet_marks(taxonomy: RootCauseTaxonomy, codebook: Codebook) -> Iterator[Question]:
    """Marks that go with a cause: without it they stand on the words of the text alone."""
    for mark in codebook.marks:
        cause = mark.sets.get("cause")
        if cause is not None and cause not in taxonomy.leaves:
            reason = f"found cause {cause} in the codebook, wanted a cause of this taxonomy"
            yield Question("unmet_mark", mark.id, reason)
