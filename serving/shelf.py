"""The shelf: which bundle answers, which did before, which reads along, and where others stand."""

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from models.errors import XiaobaoError
from serving.contracts import Analyzer
from serving.shadow import Shadow

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Load = Callable[[Path], Analyzer]
"""Loads a bundle's directory and checks it; raises a XiaobaoError where it must not be used."""


class ShelfError(XiaobaoError):
    """A bundle that cannot be taken into use, or none to go back to."""


class Shelf:
    """``active`` answers; a change is one assignment, and a request keeps what it began with.

    Who changes something holds ``changing``, so that one change follows the other.
    """

    def __init__(self, active: Analyzer, *, directory: Path | None, load: Load) -> None:
        self.active = active
        self.previous: Analyzer | None = None
        self.shadow: Shadow | None = None
        self.changing = asyncio.Lock()
        self._directory = directory
        self._load = load

    @property
    def roles(self) -> Mapping[str, Analyzer | None]:
        """The bundles by what they do here."""
        candidate = self.shadow.candidate if self.shadow is not None else None
        return {"active": self.active, "previous": self.previous, "shadow": candidate}

    def open(self, name: str) -> Analyzer:
        """The analyzer of a bundle of the directory, checked; takes seconds. Raises ShelfError."""
        if self._directory is None:
            raise ShelfError("bundle: XIAOBAO_BUNDLES is not set, wanted a directory of bundles")
        # A name, never a path: nobody leaves the directory.
        if not _NAME.fullmatch(name) or not (self._directory / name).is_dir():
            raise ShelfError("bundle: no such directory, wanted the name of one in XIAOBAO_BUNDLES")
        try:
            return self._load(self._directory / name)
        except XiaobaoError as error:
            why = str(error).replace(f"{self._directory}/", "")
            raise ShelfError(f"bundle: refused: {why}") from error

    def use(self, analyzer: Analyzer) -> None:
        """From the next request on; the one before is kept to go back to."""
        self.previous, self.active = self.active, analyzer

    def roll_back(self) -> None:
        """Back to the one before; again, and it is the later one. Raises ShelfError for none."""
        if self.previous is None:
            raise ShelfError("bundle: none was in use before this one")
        self.use(self.previous)
