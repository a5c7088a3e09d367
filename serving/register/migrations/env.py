"""Alembic's entrance: runs the migrations on the connection that ``schema`` gives it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
