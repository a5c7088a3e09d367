"""A register, a case to keep in it, and what stands in it then."""

from pathlib import Path

from sqlalchemy import select

from models.record import Record
from serving.register.database import read
from serving.register.metadata import metadata
from serving.register.register import Register
from tests.support.readers import KeywordAnalyzer

PHONE = "19900001101"
LETTER = f"理赔资料交了四十天。我叫汤玉琴,请回电{PHONE},我要全额退保。"
RECORD = Record(LETTER, case_id="T-1", phone=PHONE, policyholder="汤玉琴", channel="bank")


def open_sqlite(folder: Path, **more) -> Register:
    url = f"sqlite:///{folder / 'register.db'}"
    return Register.open(url, key_file=folder / "identifier.keys", **more)


def assess(record: Record):
    return KeywordAnalyzer().assess([record])[0]


def accept(register: Register, record: Record = RECORD):
    return register.accept(record, assess(record))


def count(register: Register, table) -> int:
    with read(register.engine) as connection:
        return len(connection.execute(select(table)).all())


def everything(register: Register) -> str:
    """All that stands in the tables, as one text."""
    with read(register.engine) as connection:
        rows = [connection.execute(select(table)).all() for table in metadata.sorted_tables]
    return repr(rows)


def keys_of(register: Register) -> list[str]:
    with read(register.engine) as connection:
        return [named.id for named in register.keys.active(connection).all]
