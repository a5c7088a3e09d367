"""Splits: nothing crosses, nothing is lost, labels stay in proportion, order does not matter."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.record import LabelledRecord, Record
from training.examples.near_duplicates import families
from training.examples.splits import Split, labels_of, leave_one_writer_out, split, units

CAUSES = ("CLAIM.CLAIM_DELAY", "SALES_MISLEAD.TERM_HIDE", "SERVICE.HOTLINE", "PRIVACY.LEAK")
STORY = "柜台那位说三年就能连本带利取出来,我今天去取才知道要交满十年,损失谁来赔"


def labelled(text, *, cause=CAUSES[0], signs=(), group=None, writer=None, agent_run=False):
    return LabelledRecord(
        Record(text), cause, (cause,), signs=signs, group=group, writer=writer, agent_run=agent_run
    )


@st.composite
def corpora(draw):
    """Records over a few groups; some texts are near-duplicates of one story."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(CAUSES),
                st.sampled_from([None, None, None, "ring-01", "ring-02"]),
                st.booleans(),
                st.booleans(),
            ),
            max_size=40,
        )
    )
    return [
        labelled(
            f"{STORY},编号{i}" if kin else f"{chr(0x4E00 + 37 * i)}" * 9,
            cause=cause,
            group=group,
            agent_run=agent_run,
        )
        for i, (cause, group, kin, agent_run) in enumerate(rows)
    ]


@settings(deadline=None, max_examples=30)
@given(corpora(), st.integers(0, 3))
def test_every_record_stands_in_exactly_one_part(records, seed):
    parts = split(records, seed=seed)
    assert sorted((*parts.train, *parts.development, *parts.test)) == list(range(len(records)))


@settings(deadline=None, max_examples=30)
@given(corpora(), st.integers(0, 3))
def test_no_group_and_no_family_crosses_the_split(records, seed):
    parts = split(records, seed=seed)
    kin = families([record.record.text for record in records])
    for left, right in ((parts.train, parts.test), (parts.train, parts.development)):
        assert not {kin[i] for i in left} & {kin[i] for i in right}
        groups = {records[i].group for i in left} & {records[i].group for i in right}
        assert groups <= {None}


@settings(deadline=None, max_examples=30)
@given(corpora(), st.integers(0, 3), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_change_the_split(records, seed, shuffler):
    order = list(range(len(records)))
    shuffler.shuffle(order)
    there = split(records, seed=seed)
    back = split([records[i] for i in order], seed=seed)
    assert {order[i] for i in back.test} == set(there.test)
    assert {order[i] for i in back.train} == set(there.train)


def corpus(size):
    chance = random.Random(5)
    signs = ("PS_FEE_SHARE", "PS_REG_STACK", "PS_BURST")
    return [
        labelled(
            "".join(chr(chance.randrange(0x4E00, 0x9000)) for _ in range(30)),
            cause=chance.choice(CAUSES),
            signs=tuple(sign for sign in signs if chance.random() < 0.1),
            agent_run=chance.random() < 0.2,
        )
        for _ in range(size)
    ]


@pytest.mark.parametrize("seed", [0, 1])
def test_what_was_learned_from_stands_in_train_and_the_parts_keep_their_sizes(seed):
    records = corpus(300)
    learned = random.Random(seed).sample(range(300), 200)
    parts = split(records, seed=seed, learned=learned)
    assert set(learned) <= set(parts.train)
    assert sorted((*parts.train, *parts.development, *parts.test)) == list(range(300))
    assert abs(len(parts.development) - 30) <= 5
    assert abs(len(parts.test) - 30) <= 5


def test_a_small_rest_is_shared_by_development_and_test():
    records = corpus(100)
    parts = split(records, seed=0, learned=range(90))
    assert parts.train == tuple(range(90))
    assert len(parts.development) == len(parts.test) == 5


def test_what_was_all_learned_from_leaves_nothing_to_measure_on():
    assert split(corpus(20), seed=0, learned=range(20)) == Split(tuple(range(20)), (), ())


def test_kin_of_what_was_learned_from_stand_in_train():
    records = [
        replace(each, group="one" if place < 5 else None) for place, each in enumerate(corpus(60))
    ]
    assert {0, 1, 2, 3, 4} <= set(split(records, seed=0, learned=[2]).train)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_label_shares_are_near_the_target_for_labels_of_ten_units(seed):
    records = corpus(300)
    parts = split(records, seed=seed)
    counts = {label: 0 for record in records for label in labels_of(record)}
    tested = dict(counts)
    for i, record in enumerate(records):
        for label in labels_of(record):
            counts[label] += 1
            tested[label] += i in set(parts.test)
    frequent = {label: tested[label] / n for label, n in counts.items() if n >= 10}
    assert len(frequent) == 8
    assert all(abs(share - 0.1) < 0.06 for share in frequent.values()), frequent


def test_the_seed_fixes_the_split_and_another_seed_changes_it():
    records = corpus(60)
    assert split(records, seed=1) == split(records, seed=1)
    assert split(records, seed=1) != split(records, seed=2)


@pytest.mark.parametrize("fractions", [(0.6, 0.2, 0.2), (0.8, 0.2, 0.0)])
def test_the_parts_are_as_large_as_asked_for(fractions):
    parts = split(corpus(200), seed=0, fractions=fractions)
    shares = [len(part) / 200 for part in (parts.train, parts.development, parts.test)]
    assert shares == pytest.approx(fractions, abs=0.02)


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.2), (1.2, -0.1, -0.1)])
def test_fractions_that_are_no_shares_are_refused(fractions):
    with pytest.raises(ValueError, match="wanted three shares that sum to 1"):
        split([], seed=0, fractions=fractions)


def test_group_and_family_join_into_one_unit_across_each_other():
    records = [
        labelled(STORY, group="ring-01"),
        labelled("只有姓名和日期不同的另一封信,内容讲的是分红太少", group="ring-01"),
        labelled(STORY + "!"),
        labelled("热线打不通,转了六次人工又回到机器人"),
    ]
    assert units(records) == (0, 0, 0, 1)


def test_the_held_out_writer_is_only_held_out():
    records = [
        labelled("热线打不通,转了六次人工又回到机器人", writer="x1"),
        labelled("理赔材料交了两个月,一直显示审核中", writer="x2"),
        labelled(STORY, writer="w1"),
    ]
    assert list(leave_one_writer_out(records, ("x1", "x2"))) == [
        ("x1", (1, 2), (0,)),
        ("x2", (0, 2), (1,)),
    ]


def test_kin_of_a_held_out_text_are_not_trained_on():
    records = [
        labelled(STORY, writer="x1"),
        labelled(STORY + "!", writer="w1"),
        labelled("热线打不通,转了六次人工又回到机器人", writer="x1", group="ring-01"),
        labelled("理赔材料交了两个月,一直显示审核中", writer="w2", group="ring-01"),
        labelled("领满期金跑了三趟网点都说负责人不在", writer="w2"),
    ]
    assert list(leave_one_writer_out(records, ("x1",))) == [("x1", (4,), (0, 2))]
