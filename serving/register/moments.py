"""Moments: text in ISO 8601, UTC with microseconds, so that order of text is order of time."""

from datetime import UTC, datetime, timedelta

from models.errors import XiaobaoError


class MomentError(XiaobaoError):
    """A moment that no calendar has."""


def now() -> str:
    """This moment."""
    return text_of(datetime.now(UTC))


def days_ago(days: float) -> str:
    """The moment so many days before this one. Raises MomentError where there is none."""
    try:
        return text_of(datetime.now(UTC) - timedelta(days=days))
    except (OverflowError, ValueError):  # before the year 1; not a number
        raise MomentError(f"days: found {days}, wanted a number that a calendar has") from None


def local_day(moment: str) -> str:
    """The day of a stored moment by the clock of this machine, as YYYY-MM-DD."""
    return datetime.fromisoformat(moment).astimezone().date().isoformat()


def text_of(moment: datetime) -> str:
    """A moment with time zone as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
