"""The analyzer: every promise of an assessment, held to on any text there is."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.analyzer import Analyzer
from models.assessment import Assessment, Label, SignFound, as_json
from models.codebook import default_codebook
from models.policy import Decision, decide
from models.record import LabelledRecord, Record
from models.taxonomy import default_taxonomy
from models.text import language_of
from tests.support.places import COMPLAINTS

TAXONOMY, CODEBOOK = default_taxonomy(), default_codebook()
LINES = (COMPLAINTS).read_text("utf-8")
SENTENCES = [json.loads(line)["text"] for line in LINES.splitlines()[::70]]
PIECES = (
    st.sampled_from(SENTENCES)
    | st.sampled_from(SENTENCES).map(lambda text: text[:25])
    | st.sampled_from(["理賠拖了半年，業務員不認帳。", "退保", "。", " \n", "[SEP]", "12378"])
    | st.sampled_from(["😂", "\u200b", "\ud800", "\x00", "㈱", "éa", "👨\u200d👩\u200d👧"])
    | st.text(st.characters(codec=None), max_size=5)
)
TEXTS = st.lists(PIECES, max_size=6).map("".join)
LETTER = "".join(SENTENCES * 20)[:20_000]
FEW = settings(max_examples=25)
SOME_TEXTS = [example(""), example(" \n\u3000"), example("。？"), example("\x00"), example("😂😂")]


def on_any_text(test: Any) -> Any:
    """The test on drawn texts, and always on the odd ones."""
    for odd in SOME_TEXTS:
        test = odd(test)
    return FEW(given(text=TEXTS)(test))


def assess(analyzer: Analyzer, text: str, **fields: Any) -> Assessment:
    (answer,) = analyzer.assess([Record(text, **fields)])
    return answer


def found_in(answer: Assessment) -> list[Label | SignFound]:
    return [*answer.root_cause.labels, *answer.agent.signs, *answer.agent.marks]


@pytest.fixture(scope="module")
def answers(tiny_analyzer: Analyzer, samples: list[LabelledRecord]) -> list[Assessment]:
    """The answers to complaints that the tiny network knows by heart."""
    return tiny_analyzer.assess([labelled.record for labelled in samples])


# Causes


@on_any_text
def test_there_is_always_a_cause_and_the_primary_is_one(tiny_analyzer: Analyzer, text: str) -> None:
    root = assess(tiny_analyzer, text).root_cause
    assert root.primary.id in [label.id for label in root.labels]


@on_any_text
def test_there_are_at_most_four_causes_each_once(tiny_analyzer: Analyzer, text: str) -> None:
    ids = [label.id for label in assess(tiny_analyzer, text).root_cause.labels]
    assert 1 <= len(ids) == len(set(ids)) <= 4


@on_any_text
def test_level_one_has_exactly_the_parents_of_the_causes(
    tiny_analyzer: Analyzer, text: str
) -> None:
    root = assess(tiny_analyzer, text).root_cause
    parents = [parent.id for parent in root.level1]
    assert len(parents) == len(set(parents))
    assert set(parents) == {TAXONOMY.parent_of(label.id).id for label in root.labels}


@on_any_text
def test_no_child_is_more_probable_than_its_parent(tiny_analyzer: Analyzer, text: str) -> None:
    root = assess(tiny_analyzer, text).root_cause
    above = {parent.id: parent.probability for parent in root.level1}
    for label in root.labels:
        assert label.probability <= above[TAXONOMY.parent_of(label.id).id]


@on_any_text
def test_names_and_type_are_those_of_the_taxonomy(tiny_analyzer: Analyzer, text: str) -> None:
    root = assess(tiny_analyzer, text).root_cause
    for label in (root.primary, *root.labels, *root.level1):
        assert label.name == TAXONOMY.name_of(label.id)
    assert root.bulletin_type == TAXONOMY.bulletin_type_of(root.primary.id)


@on_any_text
def test_a_text_without_a_stated_cause_goes_to_a_person(tiny_analyzer: Analyzer, text: str) -> None:
    answer = assess(tiny_analyzer, text)
    assert answer.root_cause.primary.id != "OTHER.UNCLEAR" or answer.review.needed


# Evidence


@on_any_text
def test_every_label_has_evidence_unless_the_text_is_blank(
    tiny_analyzer: Analyzer, text: str
) -> None:
    for label in found_in(assess(tiny_analyzer, text)):
        assert label.evidence or language_of(text) == "empty"


@on_any_text
def test_evidence_is_a_slice_of_the_text_as_it_came(tiny_analyzer: Analyzer, text: str) -> None:
    for label in found_in(assess(tiny_analyzer, text)):
        for evidence in label.evidence:
            assert evidence.text == text[evidence.start : evidence.end] != ""


@on_any_text
def test_every_probability_lies_between_nought_and_one(tiny_analyzer: Analyzer, text: str) -> None:
    answer = assess(tiny_analyzer, text)
    root, labels = answer.root_cause, found_in(answer)
    shares = [label.probability for label in (root.primary, *root.level1, *labels)]
    shares += [evidence.score for label in labels for evidence in label.evidence]
    assert all(0.0 <= share <= 1.0 for share in (*shares, answer.agent.probability))


# The same answer, whatever else is in the call


@settings(max_examples=12)
@given(st.lists(TEXTS, max_size=9))
def test_a_batch_gives_exactly_the_answers_of_single_calls(
    tiny_analyzer: Analyzer, texts: list[str]
) -> None:
    together = tiny_analyzer.assess([Record(text) for text in texts])
    assert together == [assess(tiny_analyzer, text) for text in texts]


@pytest.mark.parametrize("batch_tokens", [1, 100, 512, 10**6])
def test_the_size_of_batches_changes_no_answer(
    tiny_analyzer: Analyzer,
    samples: list[LabelledRecord],
    answers: list[Assessment],
    batch_tokens: int,
) -> None:
    records = [labelled.record for labelled in samples]
    assert tiny_analyzer.assess(records, batch_tokens=batch_tokens) == answers


def test_the_order_of_records_changes_no_answer(
    tiny_analyzer: Analyzer, samples: list[LabelledRecord], answers: list[Assessment]
) -> None:
    records = [labelled.record for labelled in samples]
    assert tiny_analyzer.assess(records[::-1]) == answers[::-1]


def test_several_threads_get_the_answers_of_one(
    tiny_analyzer: Analyzer, samples: list[LabelledRecord], answers: list[Assessment]
) -> None:
    parts = [[labelled.record for labelled in samples[i::4]] for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(tiny_analyzer.assess, parts))
    assert found == [answers[i::4] for i in range(4)]


def test_no_records_give_no_answers(tiny_analyzer: Analyzer) -> None:
    assert tiny_analyzer.assess([]) == []


# Long texts


def test_no_part_of_a_long_letter_is_unread(tiny_analyzer: Analyzer) -> None:
    (scores,) = tiny_analyzer.score([Record(LETTER)])
    read = {
        place
        for window in scores.windows
        for start, end in window.offsets.tolist()
        for place in range(start, end)
    }
    seen = {place for place, char in enumerate(scores.text.text) if not char.isspace()}
    assert len(LETTER) == 20_000
    assert read == seen


def test_the_number_of_windows_is_told(tiny_analyzer: Analyzer) -> None:
    tokens = sum(not char.isspace() for char in "退保" * 10_000)
    wanted = 1 + -(-(tokens - 62) // 46)
    text = assess(tiny_analyzer, "退保" * 10_000).text
    assert (text.chars, text.windows, text.language) == (20_000, wanted, "zh")


def test_what_stands_at_the_very_end_is_found(
    tiny_analyzer: Analyzer, samples: list[LabelledRecord], answers: list[Assessment]
) -> None:
    victims = zip(samples, answers, strict=True)
    victim = next(
        labelled.record.text
        for labelled, answer in victims
        if "NX_VICTIM_REPORT" in [mark.id for mark in answer.agent.marks]
    )
    filler = "啊" * (20_000 - len(victim))
    position = tiny_analyzer.bundle.labels.evidence.index("NX_VICTIM_REPORT")
    without, within = (
        reading.labels[position] for reading in tiny_analyzer.readings([filler, filler + victim])
    )
    assert without < 0.1 < within


def test_evidence_at_the_end_of_a_long_letter_has_its_true_place(
    tiny_analyzer: Analyzer,
) -> None:
    answer = assess(tiny_analyzer, LETTER)
    for label in found_in(answer):
        assert all(LETTER[e.start : e.end] == e.text for e in label.evidence)


# Signs, marks, level


@on_any_text
def test_the_level_is_that_of_the_policy(tiny_analyzer: Analyzer, text: str) -> None:
    answer = assess(tiny_analyzer, text, genre="own_words")
    assert answer.agent.level == level_of(answer, "own_words")


def test_the_level_of_real_complaints_is_that_of_the_policy(
    samples: list[LabelledRecord], answers: list[Assessment]
) -> None:
    levels = [answer.agent.level for answer in answers]
    genres = [labelled.record.genre for labelled in samples]
    assert levels == [level_of(a, genre) for a, genre in zip(answers, genres, strict=True)]
    assert len(set(levels)) > 1


def level_of(answer: Assessment, genre: str | None) -> str:
    """What the policy says of the signs and marks shown."""
    marks = [mark.id for mark in answer.agent.marks]
    signs = [sign.id for sign in answer.agent.signs]
    return decide(signs, marks, codebook=CODEBOOK, genre=genre).level


def test_a_mark_says_how_a_text_is_read_of_which_intake_told_no_genre(
    answers: list[Assessment],
    samples: list[LabelledRecord],
    tiny_analyzer: Analyzer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    says = {mark.id for mark in CODEBOOK.marks if mark.genre}
    marked = [
        labelled.record
        for labelled, answer in zip(samples, answers, strict=True)
        if says & {mark.id for mark in answer.agent.marks}
    ]
    asked: list[str | None] = []

    def noted(*found: Any, genre: str | None, **named: Any) -> Decision:
        asked.append(genre)
        return decide(*found, genre=genre, **named)

    monkeypatch.setattr("models.analyzer.decide", noted)
    tiny_analyzer.assess([replace(record, genre=None) for record in marked])
    assert marked
    assert asked == [None] * len(marked)


@pytest.mark.parametrize("mark", [mark.id for mark in CODEBOOK.marks if mark.no_level])
def test_a_victims_report_has_no_level(answers: list[Assessment], mark: str) -> None:
    helped = [a for a in answers if mark in [found.id for found in a.agent.marks]]
    assert helped
    assert {(a.agent.level, a.agent.signs, a.agent.probability) for a in helped} == {
        ("NONE", (), 0.0)
    }


def test_a_victims_report_goes_to_a_person(answers: list[Assessment]) -> None:
    helped = [a for a in answers if "NX_VICTIM_REPORT" in [mark.id for mark in a.agent.marks]]
    assert all(a.review.needed for a in helped)


def test_signs_come_with_their_innocent_reading(answers: list[Assessment]) -> None:
    signs = [sign for answer in answers for sign in answer.agent.signs]
    assert signs
    for sign in signs:
        known = CODEBOOK.sign_of(sign.id)
        assert (sign.innocent_reading, sign.verify, sign.strength, sign.name) == (
            known.innocent_reading,
            known.verify,
            known.strength,
            known.zh,
        )


# The answer as users see it

KEYS = {
    "": {
        "case_id", "root_cause", "agent", "facets", "related", "review", "text", "model",
        "advisory", "notice",
    },
    "root_cause": {"primary", "labels", "level1", "bulletin_type", "path"},
    "agent": {"level", "probability", "signs", "marks", "reasons", "route"},
    "facets": {"demand", "record_type", "role"},
    "related": {"group_id", "size", "links"},
    "review": {"needed", "reasons"},
    "text": {"chars", "windows", "language"},
    "model": {"bundle", "taxonomy", "codebook"},
}  # fmt: skip


@pytest.mark.parametrize("part", list(KEYS))
def test_an_answer_has_these_fields_and_none_that_rejects(
    answers: list[Assessment], part: str
) -> None:
    for answer in answers:
        plain: Mapping[str, Any] = as_json(answer)
        assert set(plain[part] if part else plain) == KEYS[part]


def test_an_answer_only_advises(answers: list[Assessment]) -> None:
    assert {(a.advisory, a.notice) for a in answers} == {
        (True, "提示仅供核验,不影响受理、时限和处理结果")
    }
    assert {a.agent.level for a in answers} <= {level.id for level in CODEBOOK.levels}


@on_any_text
def test_an_answer_is_plain_json(tiny_analyzer: Analyzer, text: str) -> None:
    plain = as_json(assess(tiny_analyzer, text))
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_the_record_s_own_fields_come_first(tiny_analyzer: Analyzer) -> None:
    answer = assess(tiny_analyzer, SENTENCES[0], case_id="甲-1", role="lawyer")
    assert (answer.case_id, answer.facets.role) == ("甲-1", "lawyer")


@pytest.mark.parametrize("text", ["", " \n\u3000", "\u200b"])
def test_where_nothing_can_be_read_nothing_is_guessed(tiny_analyzer: Analyzer, text: str) -> None:
    answer = assess(tiny_analyzer, text)
    assert [label.id for label in answer.root_cause.labels] == ["OTHER.UNCLEAR"]
    assert (answer.agent.signs, answer.agent.marks, answer.agent.level) == ((), (), "NONE")
    assert (answer.text.language, answer.text.windows) == ("empty", 1)
    assert answer.facets.demand == ()


@pytest.mark.parametrize("text", ["", "😂😂😂", "Hello, I want a refund", "12378"])
def test_a_text_without_a_chinese_word_is_no_agents(tiny_analyzer: Analyzer, text: str) -> None:
    agent = assess(tiny_analyzer, text).agent
    assert (agent.level, agent.probability) == ("NONE", 0.0)


@pytest.mark.parametrize("text", ["😂😂😂", "Hello, I want a refund", "12378"])
def test_a_text_that_is_not_chinese_goes_to_a_person(tiny_analyzer: Analyzer, text: str) -> None:
    answer = assess(tiny_analyzer, text)
    assert answer.text.language == "other"
    assert answer.review.needed


def test_what_is_known_of_the_model_is_told(tiny_analyzer: Analyzer) -> None:
    about = tiny_analyzer.description
    assert about["bundle"].startswith("tiny@")
    assert [level["id"] for level in about["levels"]] == [level.id for level in CODEBOOK.levels]
    assert [label["id"] for label in about["labels"]] == [*tiny_analyzer.bundle.labels.evidence]
