import itertools
from dataclasses import replace

import pytest

from models.bundle import EMBEDDED_BUNDLE, load_bundle
from models.record import LabelledRecord, Record
from training.examples.provenance import (
    ProvenanceError,
    chosen_on,
    data_digest,
    digest,
    is_own,
    learned_from,
    parts_of,
    pick,
    split_again,
)
from training.examples.splits import Split, split
from training.tuning.facts import facts_of
from training.tuning.fitting import Epoch
from training.tuning.settings import TrainSettings

SETTINGS = TrainSettings(fractions=(0.5, 0.25, 0.25), split_seed=3)
TEXTS = (
    "理赔三个月没有回音", "柜员说这是定期存款", "登录总是提示密码错误", "保费多扣了一次",
    "客服电话一直打不通", "孙女帮我写的这封信", "回访时让我一律说清楚", "退保只退一半我不认",
    "健康告知是业务员代填", "红利和当初讲的不一样", "保单寄到旧地址去了", "豁免条款没有人解释",
)  # fmt: skip
RECORDS = tuple(
    LabelledRecord(Record(text, case_id=str(number)), primary=cause, causes=(cause,))
    for number, (text, cause) in enumerate(
        zip(TEXTS, itertools.cycle(("CLAIM.CLAIM_DELAY", "OTHER.UNCLEAR")))
    )
)


def texts_of(parts: Split, part: str) -> list[Record]:
    return [one.record for one in pick(RECORDS, parts, part)]


def manifest() -> dict[str, object]:
    parts = split(RECORDS, seed=3, fractions=SETTINGS.fractions)
    history = [Epoch(1, 2.0, 0.5), Epoch(2, 1.0, 0.7), Epoch(3, 0.5, 0.6)]
    return {"name": "few", "training": facts_of(RECORDS, parts, SETTINGS, history)}


def test_a_fingerprint_is_that_of_the_set_whatever_its_order():
    assert data_digest(RECORDS) == data_digest(RECORDS[::-1])


@pytest.mark.parametrize("others", [RECORDS[1:], (*RECORDS, RECORDS[0]), ()])
def test_another_set_has_another_fingerprint(others):
    assert data_digest(others) != data_digest(RECORDS)


def test_what_the_base_has_learned_from_is_noted_too():
    parts = split(RECORDS, seed=3, fractions=SETTINGS.fractions)
    base = load_bundle(EMBEDDED_BUNDLE).manifest["training"]["texts"]
    settings = replace(SETTINGS, base=str(EMBEDDED_BUNDLE))
    noted = facts_of(RECORDS, parts, settings, [Epoch(1, 2.0, 0.5)])["texts"]
    assert set(noted) == {*base, *map(digest, texts_of(parts, "train"))}


def test_the_facts_name_the_best_epoch():
    facts = manifest()["training"]
    assert (facts["epochs"], facts["best_epoch"], facts["development_score"]) == (3, 2, 0.7)


def test_records_are_known_again_in_any_order():
    assert is_own(RECORDS[::-1], manifest())
    assert not is_own(RECORDS[1:], manifest())


def test_a_bundle_that_notes_no_training_owns_nothing():
    assert not is_own((), {"name": "bare"})


def test_own_records_come_out_in_the_parts_of_the_training():
    wanted = split(RECORDS, seed=3, fractions=SETTINGS.fractions)
    again = RECORDS[::-1]
    found = split_again(again, manifest())
    assert {r.record.case_id for r in pick(again, found, "test")} == {
        r.record.case_id for r in pick(RECORDS, wanted, "test")
    }


def test_own_records_stay_in_their_parts_when_labels_and_groups_change():
    wanted = split(RECORDS, seed=3, fractions=SETTINGS.fractions)
    changed = [replace(one, group="one", causes=("OTHER.UNCLEAR",)) for one in RECORDS]
    assert split(changed, seed=3, fractions=SETTINGS.fractions) != wanted
    assert split_again(changed, manifest()) == wanted


def test_of_other_records_those_that_were_learned_from_stand_in_train():
    learned = set(split(RECORDS, seed=3, fractions=SETTINGS.fractions).train)
    found = split_again(RECORDS[1:], manifest())
    assert {place - 1 for place in learned if place} <= set(found.train)
    assert found.development
    assert found.test


def test_a_bundle_that_notes_no_texts_splits_as_it_was_told():
    noted = manifest()
    del noted["training"]["held_out_texts"], noted["training"]["texts"]
    assert split_again(RECORDS, noted) == split(RECORDS, seed=3, fractions=SETTINGS.fractions)


WRITTEN = tuple(
    replace(labelled, writer="x1" if place < 4 else "w1") for place, labelled in enumerate(RECORDS)
)


def test_a_held_out_writer_is_the_test_part_and_in_no_other():
    parts = parts_of(WRITTEN, seed=0, fractions=SETTINGS.fractions, hold_out="x1")
    assert parts.test == (0, 1, 2, 3)
    assert sorted((*parts.train, *parts.development)) == list(range(4, len(WRITTEN)))


def test_a_writer_of_nothing_cannot_be_held_out():
    with pytest.raises(ProvenanceError, match="writer 'x9': 0 records found"):
        parts_of(WRITTEN, seed=0, fractions=SETTINGS.fractions, hold_out="x9")


def test_records_of_others_are_divided_although_a_writer_was_held_out_once():
    noted = {"training": {"hold_out": "x9", "split_seed": 3, "fractions": SETTINGS.fractions}}
    assert split_again(RECORDS, noted) == split(RECORDS, seed=3, fractions=SETTINGS.fractions)


def test_a_writer_that_was_learned_from_before_cannot_be_held_out():
    learned = [digest(WRITTEN[place].record) for place in (1, 3, 8)]
    with pytest.raises(ProvenanceError, match="writer 'x1': 2 records found that were learned"):
        parts_of(WRITTEN, seed=0, fractions=SETTINGS.fractions, hold_out="x1", learned=learned)
    parts = parts_of(
        WRITTEN, seed=0, fractions=SETTINGS.fractions, hold_out="x1", learned=learned[2:]
    )
    assert 8 in parts.train


def test_records_that_were_learned_from_are_counted():
    parts = split(RECORDS, seed=3, fractions=SETTINGS.fractions)
    assert learned_from(texts_of(parts, "train"), manifest()) == len(parts.train)
    assert learned_from(texts_of(parts, "test"), manifest()) == 0


def test_records_that_thresholds_were_chosen_on_are_counted():
    parts = split(RECORDS, seed=3, fractions=SETTINGS.fractions)
    found = [
        chosen_on(texts_of(parts, part), manifest()) for part in ("train", "development", "test")
    ]
    assert found == [0, len(parts.development), 0]
