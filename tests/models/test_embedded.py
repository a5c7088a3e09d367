"""The embedded bundle: what a newcomer gets keeps every promise of an assessment."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from models.analyzer import Analyzer, load_analyzer
from models.assessment import Assessment, Label, SignFound
from models.bundle import EMBEDDED_BUNDLE
from models.codebook import AGENT_SIGNS, default_codebook
from models.record import Record
from models.rows import read_records
from models.taxonomy import ROOT_CAUSES, default_taxonomy
from tests.support.places import SAMPLES

TAXONOMY, CODEBOOK = default_taxonomy(), default_codebook()
LINES = (SAMPLES / "complaints.jsonl").read_text("utf-8").splitlines()
CORPUS = [json.loads(line) for line in LINES]
VICTIM = "NX_VICTIM_REPORT"
VICTIMS = [Record(row["text"], case_id=row["id"]) for row in CORPUS if VICTIM in row["marks"]]
RECORDS = [Record(row["text"], case_id=row["id"]) for row in CORPUS[::70]] + [
    Record(row["text"], case_id=row["id"]) for row in CORPUS if row["agent_run"]
][::40]
LARGEST = 25 * 2**20  # bytes a file


@pytest.fixture(scope="module")
def embedded() -> Analyzer:
    """The analyzer that every command uses by default; loading it runs the self-check."""
    return load_analyzer(threads=1)


@pytest.fixture(scope="module")
def answers(embedded: Analyzer) -> list[Assessment]:
    return embedded.assess(RECORDS)


def found_in(answer: Assessment) -> list[Label | SignFound]:
    return [*answer.root_cause.labels, *answer.agent.signs, *answer.agent.marks]


# The bundle on disk


@pytest.mark.parametrize("file", sorted(EMBEDDED_BUNDLE.iterdir()), ids=lambda file: file.name)
def test_no_file_is_too_large_for_a_repository(file: Path) -> None:
    assert file.stat().st_size <= LARGEST


def test_its_taxonomy_is_the_packaged_one() -> None:
    assert (EMBEDDED_BUNDLE / "taxonomy.yaml").read_bytes() == ROOT_CAUSES.read_bytes()


def test_its_codebook_is_the_packaged_one() -> None:
    assert (EMBEDDED_BUNDLE / "signs.yaml").read_bytes() == AGENT_SIGNS.read_bytes()


def test_it_can_answer_every_cause_sign_and_mark(embedded: Analyzer) -> None:
    known = [node.id for node in (*TAXONOMY.causes, *CODEBOOK.signs, *CODEBOOK.marks)]
    assert list(embedded.bundle.labels.evidence) == known


# Its answers


def test_the_first_look_is_answered(embedded: Analyzer) -> None:
    records = [r for r in read_records(SAMPLES / "first_look.jsonl") if isinstance(r, Record)]
    answers = embedded.assess(records)
    assert [answer.case_id for answer in answers] == [record.case_id for record in records] != []
    assert len({answer.root_cause.primary.id for answer in answers}) > len(answers) // 2
    assert len({answer.agent.level for answer in answers}) > 1


def test_a_batch_gives_exactly_the_answers_of_single_calls(
    embedded: Analyzer, answers: list[Assessment]
) -> None:
    assert answers == [embedded.assess([record])[0] for record in RECORDS]


def test_every_label_has_evidence_that_is_a_slice_of_the_text(answers: list[Assessment]) -> None:
    for record, answer in zip(RECORDS, answers, strict=True):
        for label in found_in(answer):
            words = [record.text[piece.start : piece.end] for piece in label.evidence]
            assert words == [piece.text for piece in label.evidence] != []


def test_the_primary_cause_is_among_the_causes(answers: list[Assessment]) -> None:
    roots = [answer.root_cause for answer in answers]
    assert all(root.primary.id in [label.id for label in root.labels] for root in roots)


def test_no_cause_stands_without_its_parent(answers: list[Assessment]) -> None:
    for root in (answer.root_cause for answer in answers):
        parents = {TAXONOMY.parent_of(label.id).id for label in root.labels}
        assert {parent.id for parent in root.level1} == parents


def test_a_text_without_a_stated_cause_goes_to_a_person(answers: list[Assessment]) -> None:
    unclear = [a for a in answers if a.root_cause.primary.id == TAXONOMY.fallback]
    assert all(answer.review.needed for answer in unclear)


def test_a_level_stands_on_a_sign(answers: list[Assessment]) -> None:
    assert any(answer.agent.signs for answer in answers)
    assert all(a.agent.signs for a in answers if a.agent.level != CODEBOOK.levels[0].id)


def test_who_is_seen_as_a_victim_has_no_level(embedded: Analyzer) -> None:
    answers = embedded.assess(VICTIMS)
    implied = CODEBOOK.mark_of(VICTIM).sets["cause"]
    seen = [
        a
        for a in answers
        if VICTIM in [mark.id for mark in a.agent.marks] or a.root_cause.primary.id == implied
    ]
    assert {(a.agent.level, a.agent.signs, a.agent.probability) for a in seen} == {
        ("NONE", (), 0.0)
    }
    assert len(seen) > 0.8 * len(answers)


def test_answering_needs_no_torch() -> None:
    code = (
        "import sys\n"
        "from models.analyzer import load_analyzer\n"
        "from models.record import Record\n"
        "(answer,) = load_analyzer(threads=1).assess([Record('理赔拖了半年')])\n"
        "print(answer.root_cause.primary.id, sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=SAMPLES.parent,
    )
    assert done.stdout == "CLAIM.CLAIM_DELAY []\n"
