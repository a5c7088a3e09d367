"""The sample data: loads without a fault, says what its datasheet says, invents its numbers."""

import re
from functools import cache

import pytest

from models.bundle import load_bundle
from models.record import Record
from models.rows import SUFFIXES, read_records
from tests.support.places import SAMPLES
from training.examples.checking import check
from training.examples.datasheet import CORPUS, counts_table, load_corpus, with_counts
from training.examples.provenance import learned_from

UNLABELLED = sorted(
    path.relative_to(SAMPLES).as_posix()
    for path in SAMPLES.rglob("*")
    if path.suffix in SUFFIXES and path.name not in ("complaints.jsonl", "groups.jsonl")
)
# Long digit runs that are neither phone, card nor ID number: a lawyer's licence is named as such.
LICENCE = re.compile(r"执业证号?[^0-9]{0,3}\d+")
PHONE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
CARD_OR_ID = re.compile(r"(?<!\d)\d{15,19}[Xx]?(?!\d)")


@cache
def corpus():
    return load_corpus(SAMPLES)


@cache
def report():
    return check(corpus())


@cache
def unlabelled(name):
    return tuple(item for item in read_records(SAMPLES / name) if isinstance(item, Record))


def words_of(record):
    fields = (record.text, record.phone, record.address, record.payee_account, record.policy_no)
    return LICENCE.sub("", " ".join(field for field in fields if field))


def test_the_corpus_loads_without_a_single_fault():
    examples = corpus()
    assert (examples.faults, len(examples.records)) == ((), 8449)
    assert all(note.ignored_columns == () for note in examples.notes)


def test_the_held_out_texts_load_and_none_of_them_stands_in_the_corpus():
    held_out = load_corpus(SAMPLES, files=("held_out.jsonl",))
    known = {labelled.record.text for labelled in corpus().records}
    assert (held_out.faults, len(held_out.records)) == ((), 587)
    assert not known & {labelled.record.text for labelled in held_out.records}


def test_the_further_texts_load_and_keep_the_annotation_rules_beside_the_corpus():
    further = load_corpus(SAMPLES, files=("further.jsonl",))
    assert (further.faults, len(further.records)) == ((), 2844)
    both = load_corpus(SAMPLES, files=(*CORPUS, "further.jsonl"))
    assert len({record.record.case_id for record in both.records}) == len(both.records)
    assert check(both).findings == ()


def test_the_unread_texts_keep_the_annotation_rules_and_stand_nowhere_else():
    unread = load_corpus(SAMPLES, files=("unread.jsonl",))
    assert (unread.faults, len(unread.records)) == ((), 1852)
    others = load_corpus(SAMPLES, files=(*CORPUS, "further.jsonl", "held_out.jsonl"))
    known = {labelled.record.text for labelled in others.records}
    assert not known & {labelled.record.text for labelled in unread.records}
    assert check(unread).findings == ()
    records = [labelled.record for labelled in unread.records]
    assert learned_from(records, load_bundle().manifest) == 0


def test_the_counts_are_those_of_the_datasheet():
    sheet = (SAMPLES / "DATASHEET.md").read_text("utf-8")
    assert with_counts(sheet, counts_table(report())) == sheet


def test_the_corpus_keeps_the_annotation_rules():
    assert report().findings == ()


def test_every_case_id_is_unique():
    case_ids = [record.record.case_id for record in corpus().records]
    assert len(set(case_ids)) == len(case_ids)


def test_every_victim_of_an_agent_is_without_a_sign():
    victims = [record for record in corpus().records if "NX_VICTIM_REPORT" in record.marks]
    assert len(victims) > 20
    assert all(record.signs == () for record in victims)


@pytest.mark.parametrize(("pattern", "prefix"), [(PHONE, "1990000"), (CARD_OR_ID, "000000")])
def test_every_number_of_the_corpus_is_of_an_invented_range(pattern, prefix):
    numbers = [n for r in corpus().records for n in pattern.findall(words_of(r.record))]
    assert len(numbers) > 20
    assert [number for number in numbers if not number.startswith(prefix)] == []


@pytest.mark.parametrize("name", UNLABELLED)
@pytest.mark.parametrize(("pattern", "prefix"), [(PHONE, "1990000"), (CARD_OR_ID, "000000")])
def test_every_number_of_an_example_file_is_of_an_invented_range(name, pattern, prefix):
    numbers = [n for record in unlabelled(name) for n in pattern.findall(words_of(record))]
    assert [number for number in numbers if not number.startswith(prefix)] == []


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("first_look.jsonl", 12),
        ("exports/hotline_export.csv", 14),
        ("exports/worklist.xlsx", 14),
        ("exports/intake.jsonl", 14),
    ],
)
def test_a_tidy_example_file_has_no_fault(name, records):
    assert len(list(read_records(SAMPLES / name))) == len(unlabelled(name)) == records


def test_the_first_look_has_case_ids_and_many_genres():
    records = unlabelled("first_look.jsonl")
    assert len({record.case_id for record in records}) == 12
    assert len({record.genre for record in records}) >= 5


def test_no_example_file_repeats_a_text_of_the_corpus():
    known = {record.record.text for record in corpus().records}
    assert [r.case_id for name in UNLABELLED for r in unlabelled(name) if r.text in known] == []
