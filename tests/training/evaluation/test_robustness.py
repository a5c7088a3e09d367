"""Robustness: the table counts what noise changes, and nothing where there is none."""

from models.analyzer import load_analyzer
from models.record import LabelledRecord, Record
from training.evaluation.robustness import noise_table

RECORDS = [
    LabelledRecord(
        Record("资料交齐两个月没有任何回音,请尽快赔付。", case_id="a"),
        primary="CLAIM.CLAIM_DELAY",
        causes=("CLAIM.CLAIM_DELAY",),
        demand=("claim_payment",),
    ),
    LabelledRecord(
        Record("投保单上的名字根本不是我写的,保费请全额退给我。", case_id="b"),
        primary="CONSENT_SIGN.AGENT_SIGNED",
        causes=("CONSENT_SIGN.AGENT_SIGNED",),
        demand=("full_refund",),
    ),
]


def test_each_kind_of_noise_stands_beside_the_texts_as_written() -> None:
    table = noise_table(RECORDS, analyzer=load_analyzer())

    assert [row[0].split()[-1] for row in table.rows] == ["written", "recogniser", "slips", "words"]
    assert {len(row) for row in table.rows} == {len(table.columns)}
    assert table.rows[0][-1] == "0/2"


def test_a_difference_is_that_from_the_texts_as_written() -> None:
    table = noise_table(RECORDS, analyzer=load_analyzer())
    plain, noisy = (row[1] for row in table.rows[:2])

    value, change = noisy.split()
    assert abs(float(value) - float(plain) - float(change.strip("()"))) < 0.0015
