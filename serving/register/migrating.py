"""Migrating: an older schema is brought up to date by the scripts in ``migrations``.

Two processes that migrate at once take turns. Knows Alembic; no other module does, and `schema`
asks for this one only where there is something to do.
"""

from importlib.resources import as_file, files

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from serving.register import link_tables, tables
from serving.register.database import write
from serving.register.errors import RegisterError
from serving.register.metadata import metadata
from serving.register.schema import revision_of

_ALL = (tables, link_tables)  # importing them fills ``metadata``


def upgrade(engine: Engine, *, to: str) -> None:
    """Bring the schema to a revision; does nothing to one that is there.

    Raises RegisterError for a revision that no script knows.
    """
    with as_file(files("serving.register").joinpath("migrations")) as place:
        config = Config()
        config.set_main_option("script_location", str(place))
        with write(engine) as connection:
            _check_known(ScriptDirectory.from_config(config), revision_of(connection))
            config.attributes["connection"] = connection
            command.upgrade(config, to)


def differences(connection: Connection) -> list[object]:
    """What the tables of the code have that the database has not, and the other way round."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def _check_known(scripts: ScriptDirectory, found: str | None) -> None:
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise RegisterError(
            f"database: its schema {found} is newer than this version of xiaobao, wanted "
            f"{scripts.get_current_head()} or older"
        )
