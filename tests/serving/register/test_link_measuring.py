"""Which texts are compared, how alike they are said to be, and which pairs an index keeps."""

from dataclasses import replace
from itertools import combinations

import pytest

from models.links.candidates import FULL, OVER, STOCK, gather, keys_of
from models.links.fingerprints import Fingerprint, fingerprint
from models.links.likeness import measure, measure_all
from models.links.limits import HINT, LAST_STEP, limits_at
from serving.register.link_tables import pairs
from tests.support.linked import (
    LETTER,
    OTHER_LETTER,
    PHONE,
    STRANGERS,
    Pair,
    case,
    caused_by,
    open_links,
)

# A little like the letter: nearer than strangers are, too far to be called near.
QUERY = "续期保费扣款扣了一次又一次,银行柜台也说不清,请查明后把多收的退还给我。"


def test_a_band_takes_no_more_cases_than_it_may():
    keys = keys_of(fingerprint(LETTER))
    found = gather(dict.fromkeys(range(1, FULL + 20), keys), {})
    assert {len(found.changed[band]) for band in keys.bands} == {FULL}


def test_a_phrase_that_too_many_write_suggests_nobody():
    (word, *_) = keys_of(fingerprint(LETTER)).words
    keys = replace(keys_of(fingerprint(LETTER)), bands=(), clauses=(), words=(word,))
    found = gather({STOCK + 1: keys}, {word: range(1, STOCK + 1)})
    assert found.changed == {word: [OVER]}
    assert gather({STOCK + 2: keys}, {word: [OVER]}).pairs == {}


def test_a_fingerprint_is_the_same_whatever_the_order_of_its_clauses():
    parts = LETTER.split("。")
    assert fingerprint(LETTER).grams == fingerprint("。".join(reversed(parts))).grams


def test_a_fingerprint_read_again_has_the_same_keys():
    print_ = fingerprint(LETTER)
    assert keys_of(Fingerprint(print_.grams)) == keys_of(print_)


def test_many_texts_are_measured_as_two_are():
    texts = (LETTER, OTHER_LETTER, *STRANGERS, QUERY, LETTER[: len(LETTER) // 2], "")
    prints = dict(enumerate(map(fingerprint, texts), start=1))
    wanted = list(combinations(prints, 2))
    found = measure_all(prints, wanted)
    assert found == {pair: measure(*(prints[number] for number in pair)) for pair in wanted}
    assert found == {pair: measure(*(prints[number] for number in pair[::-1])) for pair in wanted}
    assert found[1, len(texts) - 1].copied == 1.0
    assert found[1, len(texts)].retold == 0.0


def test_no_pair_is_thrown_away_that_a_hint_could_still_join():
    for limits in map(limits_at, range(LAST_STEP + 1)):
        assert limits.kept <= HINT * limits.ratio <= limits.near < limits.alike


# --- pairs that an index keeps -------------------------------------------------------------------


@pytest.fixture
def links(tmp_path):
    with open_links(f"sqlite:///{tmp_path / 'register.db'}", tmp_path) as opened:
        yield opened


def told(id_: str, text: str, cause: str, **fields: str) -> Pair:
    record, assessment = case(id_, text, **fields)
    return record, caused_by(assessment, cause)


def kept(links) -> list[tuple[int, int]]:
    return [row[:2] for row in links.rows(pairs)]


def test_texts_a_little_alike_that_tell_of_two_causes_are_no_pair(links):
    links.add(told("A", LETTER, "SURRENDER.LOSS"))
    links.add(told("B", QUERY, "SERVICE.FEES"), told("C", LETTER, "SERVICE.FEES"))
    assert kept(links) == [(1, 3), (2, 3)]  # the same letter; the same cause


@pytest.mark.parametrize("crowd", [200, 1])
def test_texts_a_little_alike_are_kept_where_a_value_is_shared(links, monkeypatch, crowd):
    monkeypatch.setattr("models.links.hubs.CROWD", crowd)
    links.add(told("A", LETTER, "SURRENDER.LOSS", phone=PHONE))
    links.add_one(told("B", QUERY, "SERVICE.FEES", phone=PHONE))
    assert kept(links) == [(1, 2)]
