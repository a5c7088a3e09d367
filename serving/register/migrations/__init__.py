"""Migrations of the register's schema, run when it is opened."""
