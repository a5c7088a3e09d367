"""The schema: brought up to date when a register is opened.

Most are: the migrations and what runs them, which take longer to load than all else of the
register, are then left alone.
"""

from sqlalchemy import Connection, Engine, inspect, text

from serving.register.database import read

NEWEST = "0006"
"""The revision of the last script in ``migrations``."""


def bring_up_to_date(engine: Engine) -> None:
    """Migrate an older schema, or an empty database, to the newest.

    Raises RegisterError for the schema of a later version.
    """
    with read(engine) as connection:
        found = revision_of(connection)
    if found != NEWEST:
        from serving.register.migrating import upgrade

        upgrade(engine, to=NEWEST)


def revision_of(connection: Connection) -> str | None:
    """The revision of this database, None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
