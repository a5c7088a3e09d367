"""Rows of links as they are written: by name, whatever the order in which they are told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from serving.register import link_writes, schema
from serving.register.database import open_engine, write
from serving.register.link_tables import link_state


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = open_engine(f"sqlite:///{tmp_path / 'register.db'}")
    schema.bring_up_to_date(engine)
    with write(engine) as connection:
        yield connection
    engine.dispose()


def test_a_row_is_written_by_its_names_not_by_their_order(connection):
    rows = [{"value": 7, "name": "groups"}, {"name": "step", "value": 3}]
    link_writes._add(connection, link_state, rows)
    written = connection.execute(select(link_state.c.name, link_state.c.value)).all()
    assert {(row.name, row.value) for row in written} >= {("groups", 7), ("step", 3)}
