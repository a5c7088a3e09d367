"""Sealing: what the database keeps of a text tells nothing without the key file."""

import struct

import pytest
from sqlalchemy import select

from models.links.candidates import TextKeys, keys_of
from models.links.fingerprints import fingerprint
from models.links.masking import mask
from serving.register.database import write
from serving.register.errors import RegisterError
from serving.register.link_tables import fingerprints, postings
from serving.register.sealing import Seal, new_secret, unwrap, wrap
from serving.register.tables import keys
from tests.support.linked import LETTER, case

PRINT = fingerprint(mask(case("A", LETTER)[0]))
KEYS = keys_of(PRINT)


def numbers(kept: bytes) -> set[int]:
    """All numbers of 32 bits that stand anywhere in the bytes."""
    return {struct.unpack_from("<I", kept, at)[0] for at in range(len(kept) - 3)}


def test_no_pair_of_characters_can_be_read_in_the_database(links):
    links.add(case("A", LETTER))
    (kept,) = links.column(fingerprints.c.grams)
    assert not numbers(kept) & PRINT.words
    assert len(KEYS.words) > 20
    assert not links.column(postings.c.key) & set(KEYS.all)


def test_the_same_text_is_found_after_rotations_and_with_the_first_key_gone(links):
    links.add(case("A", LETTER))
    for _ in range(2):
        links.register.rotate_key(actor="test")
        with write(links.register.engine) as connection:
            links.register.keys.retire(connection, before="9")
    assert [link.case_id for link in links.add_one(case("B", LETTER)).links] == ["A"]


def test_a_retired_key_wraps_no_secret_any_more(links):
    links.register.rotate_key(actor="test")
    with write(links.register.engine) as connection:
        links.register.keys.retire(connection, before="9")
        found = connection.execute(select(keys.c.state, keys.c.wrapped.is_(None))).all()
    assert sorted(map(tuple, found)) == [("current", False), ("retired", True)]


def test_two_secrets_give_two_sets_of_keys_and_one_gives_one():
    one, two = Seal(new_secret()), Seal(new_secret())
    assert one.keys_of(KEYS) == one.keys_of(KEYS)
    assert not set(one.keys_of(KEYS).all) & {*two.keys_of(KEYS).all, *KEYS.all}


def test_keys_that_are_equal_stay_so_and_fit_a_signed_column():
    words = Seal(new_secret()).keys_of(TextKeys((1, 2**63 - 1), (2,), (1, 2))).all
    assert words[0] == words[3]
    assert words[2] == words[4]
    assert all(0 <= word < 2**63 for word in words)


def test_what_another_secret_closed_is_not_opened():
    kept = Seal(new_secret()).close(b"grams")
    with pytest.raises(RegisterError, match="sealed by another secret"):
        Seal(new_secret()).open(kept)


def test_a_secret_is_unwrapped_by_the_key_that_wrapped_it_alone():
    secret = new_secret()
    wrapped = wrap(secret, key=b"1" * 32)
    assert unwrap(wrapped, key=b"1" * 32) == secret
    assert secret not in wrapped
    with pytest.raises(RegisterError, match="another key"):
        unwrap(wrapped, key=b"2" * 32)
