"""Texts made to keep a reader busy: time must not grow faster than their length."""

import signal
from collections.abc import Callable, Iterator

import pytest

from benchmarks.synthetic import make_case
from models.links import read_hubs
from models.links.cases import draft_case
from models.links.fingerprints import fingerprint
from models.links.kinds import read_kinds
from models.links.masking import mask
from models.privacy import mask_record
from models.record import MOST_FIELD_CHARS, Record

LENGTH = 120_000
MOST_S = 20  # of the processor; what grows with the length takes a few at most, a square a minute
UNITS = [
    "省",
    "州县",
    "社区",
    "a",
    "a.",
    "0",
    "1-",
    "*",
    ",",
    "/",
    "#",
    "\n",
    "零",
    "十",
    "(",
    "【",
    "“",
]
_, ASSESSMENT = make_case(1)


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """Ends a reader that would never end."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"more than {MOST_S} seconds for {LENGTH} characters")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, MOST_S)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


def draft(record: Record) -> None:
    draft_case(record, ASSESSMENT, id_="1", kinds=read_kinds(), hubs=read_hubs())


def of_text(read: Callable[[Record], object]) -> Callable[[str], object]:
    return lambda unit: read(Record((unit * LENGTH)[:LENGTH]))


def of_fields(read: Callable[[Record], object]) -> Callable[[str], object]:
    def run(unit: str) -> object:
        value = (unit * MOST_FIELD_CHARS)[:MOST_FIELD_CHARS]
        fields = dict.fromkeys(("phone", "address", "policyholder", "seller", "policy_no"), value)
        return read(Record("理赔太慢" * 200, **fields))

    return run


READERS = {
    "masking what is stored": of_text(mask_record),
    "masking what is compared": of_text(lambda record: fingerprint(mask(record))),
    "drafting": of_text(draft),
    "masking by fields": of_fields(mask_record),
    "comparing by fields": of_fields(lambda record: fingerprint(mask(record))),
    "drafting by fields": of_fields(draft),
}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("reader", list(READERS))
def test_a_text_that_repeats_itself_is_read_to_its_end(reader: str, unit: str) -> None:
    READERS[reader](unit)
