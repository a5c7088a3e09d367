import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from models.assessment import Related
from models.codebook import default_codebook
from models.links import Linker
from models.links.hubs import MANY
from models.rows import RowFault
from serving.files.linking import read_linkable
from serving.register.database import read, write
from serving.register.link_tables import aliases, handles, holdings, linked_cases, postings
from serving.register.metadata import metadata
from serving.register.register import Register
from tests.support.linked import (
    LETTER,
    OTHER_LETTER,
    PHONE,
    STRANGERS,
    Links,
    Pair,
    case,
    caused_by,
    open_links,
    scribble,
)
from tests.support.readers import KeywordAnalyzer
from tests.support.sampled import SAMPLES


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Links]:
    with open_links(f"sqlite:///{tmp_path / 'register.db'}", tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def sample() -> list[Pair]:
    """The sample file of groups: each case with the cause that its annotators gave."""
    source = SAMPLES / "groups.jsonl"
    records = [one for one in read_linkable(source) if not isinstance(one, RowFault)]
    labelled = [row["primary"] for row in read_lines(source)]
    answers = KeywordAnalyzer().assess(records)
    return [
        (record, caused_by(answer, cause))
        for record, answer, cause in zip(records, answers, labelled, strict=True)
    ]


def read_lines(source: Path) -> list[dict]:
    import orjson

    return [orjson.loads(line) for line in source.read_bytes().splitlines()]


def link_file(pairs: Sequence[Pair]):
    records, assessments = zip(*pairs, strict=True)
    return Linker(default_codebook()).link(records, assessments)


def groups_of(linked) -> dict[frozenset[str], str]:
    return {frozenset(group.case_ids): group.kind.id for group in linked.groups}


def levels_of(linked) -> dict[str, str]:
    return {one.case_id: one.level for one in linked.cases if one.group_id is not None}


# --- the same groups as in a file ----------------------------------------------------------------


def test_cases_that_come_one_by_one_form_the_groups_of_a_file(links, sample):
    few = sample[:40]
    for pair in few:
        links.add_one(pair)
    linked = link_file(few)
    assert len(linked.groups) > 3
    assert links.groups() == groups_of(linked)
    assert links.levels() == levels_of(linked)


@pytest.mark.parametrize("seed", range(3))
def test_neither_order_nor_portions_change_a_group(sqlite, sample, seed):
    rng = random.Random(seed)
    mixed = rng.sample(sample, len(sample))
    while mixed:
        portion = rng.choice((1, 7, 40))
        sqlite.add(*mixed[:portion])
        mixed = mixed[portion:]
    sqlite.settle()
    linked = link_file(sample)
    assert len(linked.groups) > 15
    assert sqlite.groups() == groups_of(linked)
    assert sqlite.levels() == levels_of(linked)


def test_the_links_of_a_case_are_those_of_a_file(sqlite, sample):
    sqlite.add(*sample)
    wanted = {one.case_id: one.links for one in link_file(sample).cases if one.group_id}
    found = {case_id: sqlite.related(case_id).links for case_id in wanted}
    assert found == wanted


@pytest.mark.parametrize("seed", range(2))
def test_what_is_left_after_removing_is_grouped_as_if_the_rest_had_never_been(sqlite, sample, seed):
    sqlite.add(*sample)
    gone = random.Random(seed).sample(sample, 12)
    sqlite.remove(*(record.case_id for record, _ in gone))
    linked = link_file([pair for pair in sample if pair not in gone])
    assert sqlite.groups() == groups_of(linked)
    assert sqlite.levels() == levels_of(linked)


# --- joining, merging, falling apart -------------------------------------------------------------


def test_a_new_case_is_told_its_links_at_once(links):
    assert links.add_one(case("A", STRANGERS[0], phone=PHONE)) == Related()
    related = links.add_one(case("B", STRANGERS[1], phone=PHONE))
    assert related.size == 2
    assert [(link.case_id, link.kind, link.why) for link in related.links] == [
        ("A", "phone", "联系电话相同")
    ]
    assert links.related("B") == related


def test_a_case_that_joins_two_groups_makes_them_one_under_the_older_id(links):
    links.add(case("A", STRANGERS[0], phone=PHONE), case("B", STRANGERS[1], phone=PHONE))
    links.add(
        case("C", STRANGERS[2], payee_account="62220200001234567"),
        case("D", STRANGERS[3], payee_account="62220200001234567"),
    )
    first, second = links.related("A").group_id, links.related("C").group_id
    assert first != second
    both = links.add_one(case("E", LETTER, phone=PHONE, payee_account="62220200001234567"))
    assert (both.group_id, both.size) == (first, 5)
    assert links.group(second) is None


def test_a_group_falls_apart_when_the_case_between_goes(links):
    links.add(case("A", STRANGERS[0], phone=PHONE), case("B", STRANGERS[1], phone=PHONE))
    account = "62220200001234567"
    links.add(case("E", LETTER, phone="19900002222", payee_account=account))
    links.add(case("C", STRANGERS[2], payee_account=account, phone=PHONE))
    assert links.groups().keys() == {frozenset("ABCE")}
    links.remove("C")
    assert links.groups().keys() == {frozenset("AB")}
    assert links.related("E") == Related()


def test_a_group_of_one_is_no_group(links):
    links.add(case("A", STRANGERS[0], phone=PHONE), case("B", STRANGERS[1], phone=PHONE))
    links.remove("A")
    assert links.listed() == []
    assert links.related("B") == Related()


def test_a_number_that_a_crowd_shares_joins_nobody_any_more(sqlite):
    rng = random.Random(1)
    texts = (
        "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(30)) for _ in range(MANY + 1)
    )
    crowd = [case(f"N{n}", text, phone=PHONE) for n, text in enumerate(texts)]
    sqlite.add(*crowd[:3])
    assert sqlite.related("N0").size == 3
    sqlite.add(*crowd[3:])
    assert sqlite.groups() == groups_of(link_file(crowd)) == {}


def test_an_outlet_joins_only_those_who_write_alike(links):
    outlet = "南湖市柳荫路8号邮政代收点"
    links.add(*(case(f"S{n}", text, address=outlet) for n, text in enumerate(STRANGERS)))
    assert links.listed() == []
    links.add(*(case(f"L{n}", LETTER, address=outlet) for n in range(3)))
    links.add(*(case(f"O{n}", OTHER_LETTER, address=outlet) for n in range(3)))
    assert sorted(one.size for one in links.listed()) == [3, 3]


def test_another_codebook_decides_from_the_next_case_on(sqlite):
    first, *others = (case(f"S{n}", text, phone=PHONE) for n, text in enumerate(STRANGERS))
    sqlite.add(*others)
    assert set(sqlite.levels().values()) == {"REVIEW"}
    codebook = default_codebook()
    alone = tuple(sign for sign in codebook.signs if sign.group != "link")
    sqlite.index.judge_by(replace(codebook, signs=alone))
    sqlite.add(first)
    assert set(sqlite.levels().values()) == {"NONE"}


def test_limits_rise_with_the_index_and_groups_are_decided_anew(sqlite):
    one = case("A", "厨房漏水泡坏了灶台和橱柜,报了案等到今天,师傅说要换整面墙的砖。")
    two = case("B", "楼上漏水淹了书桌,报了案物业不肯出面,衣服发霉没法穿。")
    sqlite.add(one, two)
    assert sqlite.groups() == groups_of(link_file([one, two])) != {}
    many = [case(f"M{n}", scribble(n, 8)) for n in range(500)]
    sqlite.add(*many)
    sqlite.settle()
    assert sqlite.groups() == groups_of(link_file([one, two, *many])) == {}


def test_no_single_case_decides_all_groups_again(sqlite, monkeypatch):
    monkeypatch.setattr("serving.register.link_index._AT_ONCE", 1)
    twins = [case(f"T{n}", scribble(n // 2, 60)) for n in range(20)]
    crowd = [case(f"M{n}", scribble(1000 + n, 8)) for n in range(225)]
    sqlite.add(*twins)
    sqlite.add(*crowd)
    assert sqlite.settle() > len(sqlite.listed()) - 2
    assert sqlite.groups() == groups_of(link_file([*twins, *crowd]))
    assert len(sqlite.listed()) == 10


def test_cases_that_come_settle_what_waits(sqlite, monkeypatch):
    monkeypatch.setattr("serving.register.link_index._AT_ONCE", 1)
    sqlite.add(*(case(f"T{n}", scribble(n // 2, 60)) for n in range(8)))
    sqlite.add(*(case(f"M{n}", scribble(1000 + n, 8)) for n in range(240)))
    for n in range(5):
        sqlite.add_one(case(f"L{n}", scribble(2000 + n, 8)))
    with read(sqlite.register.engine) as connection:
        assert sqlite.index.is_settled(connection)


# --- what is kept --------------------------------------------------------------------------------


def test_nothing_stands_in_clear_in_any_table(links):
    clear = {"phone": PHONE, "payee_account": "62220200001234567", "address": "南湖市长虹大厦1503"}
    links.add(case("A", LETTER, seller="丁友根", policyholder="汤玉琴", **clear))
    kept = repr([links.rows(table) for table in metadata.sorted_tables])
    shown = [*clear.values(), "丁友根", "汤玉琴", "茶杯", "长虹大厦", "南湖"]
    assert [value for value in shown if value in kept] == []


def test_after_removing_nothing_is_left_of_a_case(links):
    links.add(case("A", STRANGERS[0]))
    before = {
        table.name: links.rows(table) for table in (postings, handles, holdings, linked_cases)
    }
    links.add(case("B", LETTER, phone=PHONE, seller="丁友根", address="南湖市长虹大厦A座1503"))
    links.remove("B")
    after = {table.name: links.rows(table) for table in (postings, handles, holdings, linked_cases)}
    assert after == before


def test_who_wants_all_back_is_counted_at_his_mobile_and_off_again(links):
    links.add(*(wanting(case(id_, LETTER, phone=PHONE)) for id_ in ("A", "B")))
    counted = links.column(handles.c.wanting)
    links.remove("A")
    assert (counted, links.column(handles.c.wanting)) == ({0, 2}, {0, 1})


def wanting(pair: Pair) -> Pair:
    record, answer = pair
    return record, replace(answer, facets=replace(answer.facets, demand=("full_refund",)))


def test_a_case_that_is_not_linked_can_be_removed(links):
    links.add(case("A", STRANGERS[0]))
    links.remove("A")
    links.remove("A")
    assert links.rows(linked_cases) == []


def test_a_number_is_found_again_after_the_key_was_changed(links):
    links.add(case("A", STRANGERS[0], phone=PHONE))
    links.register.rotate_key(actor="test")
    assert links.add_one(case("B", STRANGERS[1], phone=PHONE)).size == 2
    links.register.rotate_key(actor="test")
    assert links.add_one(case("C", STRANGERS[2], phone=PHONE)).size == 3


def test_a_number_known_under_a_later_key_is_found_when_the_first_has_retired(links):
    links.add(case("A", STRANGERS[0], phone=PHONE))
    old = links.column(handles.c.key_id)
    links.register.rotate_key(actor="test")
    links.add(case("B", STRANGERS[1], phone=PHONE))
    with write(links.register.engine) as connection:
        retired = links.register.keys.retire(connection, before="9")
        links.index.retire(connection, retired)
    assert set(retired) == old
    assert not old & (links.column(handles.c.key_id) | links.column(aliases.c.key_id))


def test_what_was_rolled_back_was_never_there(links):
    with links.register.engine.connect() as connection:
        row, prepared = links._stored(connection, *case("A", LETTER, phone=PHONE))
        links.index.add_many(connection, {row: prepared})
        connection.rollback()
    assert links.add_one(case("B", LETTER, phone=PHONE)) == Related()


# --- bounded work --------------------------------------------------------------------------------


def test_a_link_says_when_not_all_like_it_were_compared(sqlite, monkeypatch):
    monkeypatch.setattr("serving.register.link_measuring._MOST_ALIKE", 2)
    sqlite.add(*(case(f"L{n}", LETTER) for n in range(4)))
    whys = [link.why for link in sqlite.related("L3").links]
    assert any("只比对其中一部分" in why for why in whys)


def test_a_group_too_large_to_be_read_as_a_whole_still_grows(sqlite, monkeypatch):
    for module in ("link_index", "link_shown", "link_region"):
        monkeypatch.setattr(f"serving.register.{module}.LARGE", 4)
    sqlite.add(*(case(f"L{n}", LETTER, phone=PHONE) for n in range(5)))
    (before,) = sqlite.listed()
    related = sqlite.add_one(case("L9", LETTER, phone=PHONE))
    assert (related.group_id, related.size) == (before.id, 6)
    assert sqlite.levels()["L9"] == sqlite.levels()["L0"]
    sqlite.remove("L1")
    assert sqlite.related("L9").size == 5


# --- several writers -----------------------------------------------------------------------------


def test_two_writers_at_once_give_the_groups_of_one(database_url, tmp_path, sample):
    few = sample[:60]
    keys = {"key_file": tmp_path / "identifier.keys"}
    with Register.open(database_url, **keys) as one, Register.open(database_url, **keys) as two:
        both = [Links(one), Links(two)]

        def add(links: Links, pairs: Sequence[Pair]) -> None:
            for at in range(0, len(pairs), 5):
                links.add(*pairs[at : at + 5])

        threads = [
            threading.Thread(target=add, args=(links, few[at::2])) for at, links in enumerate(both)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        linked = link_file(few)
        assert both[0].groups() == both[1].groups() == groups_of(linked)
        assert both[0].levels() == levels_of(linked)
