"""Extras: packages that only some uses need. Asked for when used, named in one line if missing."""

from importlib import import_module
from typing import Any

from models.errors import XiaobaoError


class MissingExtraError(XiaobaoError):
    """A package is not installed; says which extra brings it."""


def need(module: str, *, extra: str, use: str) -> Any:
    """The module, imported. Raises MissingExtraError: ``use`` says what wanted it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{use}: {missing_line(error, extra=extra)}") from error


def missing_line(error: ModuleNotFoundError, *, extra: str) -> str:
    """What is missing and how to install it, in both languages."""
    return (
        f"缺少模块 module {error.name} is not installed; "
        f"install the {extra} extra: pip install '.[{extra}]'"
    )
