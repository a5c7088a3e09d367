"""Refusals: why the scheduler gives no answer. Each says what the caller can do."""

from models.errors import XiaobaoError


class NotReadyError(XiaobaoError):
    """The service is still warming up, or already closing."""


class DeadlineError(XiaobaoError):
    """The answer was not there in time; what was asked is dropped."""


class WorkerLostError(XiaobaoError):
    """The thread that read this text got stuck or died; another has taken its place."""


class QueueFullError(XiaobaoError):
    """More is waiting than may wait, or than can be read in time; ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
