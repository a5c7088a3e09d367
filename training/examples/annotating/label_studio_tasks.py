"""Cases as tasks of Label Studio: causes as Taxonomy, evidence as Labels, the rest as Choices.

Offsets of a Text are code points there as here. ``label_studio_exports`` reads them back.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from models.causes import RootCauseTaxonomy
from models.record import LabelledRecord
from training.examples.annotating.cases import AnnotationCase
from training.examples.annotating.labelling_config import TO_NAME


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a model says of a case, to begin with; ``score`` is its primary cause's probability."""

    labelled: LabelledRecord
    model: str
    score: float


def task_of(
    case: AnnotationCase,
    *,
    taxonomy: RootCauseTaxonomy,
    suggestion: Suggestion | None = None,
    without: Iterable[str] = (),
) -> dict[str, Any]:
    """A task: the case's fields but those ``without``, its labels, or a model's as predictions."""
    labelled = case.labelled
    fields = asdict(case.record) | {
        "group": case.group,
        "writer": labelled.writer if labelled else None,
    }
    hidden = set(without)
    data = {k: v for k, v in fields.items() if v is not None and k not in hidden}
    task: dict[str, Any] = {"data": data}
    if labelled is not None:
        task["annotations"] = [{"result": list(_results(labelled, taxonomy))}]
    elif suggestion is not None:
        result = list(_results(suggestion.labelled, taxonomy))
        told = {"model_version": suggestion.model, "score": suggestion.score}
        task["predictions"] = [{**told, "result": result}]
    return task


def _results(labelled: LabelledRecord, taxonomy: RootCauseTaxonomy) -> Iterator[dict[str, Any]]:
    causes: dict[str, Sequence[str]] = {
        "primary": (labelled.primary,),
        "causes": labelled.causes,
    }
    for name, ids in causes.items():
        steps = [list(taxonomy.path_of(id_)) for id_ in ids]
        yield _result(name, name, "taxonomy", {"taxonomy": steps})
    given: dict[str, Sequence[str]] = {
        "signs": labelled.signs,
        "marks": labelled.marks,
        "demand": labelled.demand,
        "record_type": (labelled.record_type,),
        "agent_run": ("true" if labelled.agent_run else "false",),
    }
    for name, choices in given.items():
        if choices:
            yield _result(name, name, "choices", {"choices": list(choices)})
    text = labelled.record.text
    for number, span in enumerate(labelled.spans, start=1):
        place = {"start": span.start, "end": span.end, "text": text[span.start : span.end]}
        value = {**place, "labels": list(span.labels)}
        yield _result(f"evidence-{number}", "evidence", "labels", value)


def _result(id_: str, name: str, kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    about = {"id": id_, "from_name": name, "to_name": TO_NAME, "type": kind}
    return {**about, "value": dict(value)}
