"""What can go wrong in the register, as errors that say what to do. Needs no database."""

from models.errors import XiaobaoError


class RegisterError(XiaobaoError):
    """The register cannot be opened or used as asked."""


class RegisterUnavailableError(RegisterError):
    """The database does not answer now: nothing was stored, the same request may be sent again.

    ``for_all``: it is away, locked or full; else it refused what this one transaction did.
    """

    def __init__(self, message: str, *, for_all: bool = True) -> None:
        super().__init__(message)
        self.for_all = for_all


class UnknownCaseError(RegisterError):
    """No case of this id is in the register."""


class UnknownGroupError(RegisterError):
    """No group of this id is in the register (any more)."""


class ForgottenCaseError(RegisterError):
    """The case was forgotten on request or after its time; only the audit knows of it."""


class LogNotEmptiedError(RegisterError):
    """So many cases or versions are forgotten, but their words still stand in SQLite's log."""

    def __init__(self, count: int) -> None:
        super().__init__(
            "the database is being read: what was forgotten still stands in its write-ahead log, "
            "wanted a moment without readers; the next forgetting empties it, or the last one that "
            "closes the database"
        )
        self.count = count


class ReviewError(RegisterError):
    """A review that cannot be meant; ``field`` names what is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
