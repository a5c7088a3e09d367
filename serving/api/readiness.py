"""Readiness: may callers be sent here now? The bundle has read a text, and the register answers.

Asked every few seconds by whoever spreads callers, so it must be cheap and never wait long.
"""

import asyncio
import time

from serving.register.errors import RegisterError, RegisterUnavailableError
from serving.register.register import Register
from serving.scheduling.refusals import NotReadyError

_FRESH_S = 1.0  # an answer is good for so long: many that ask cost one question


class RegisterProbe:
    """Asks the register whether its database answers; one question at a time, however many ask.

    A question that hangs keeps one thread, never more: who asks meanwhile waits for the same one.
    """

    def __init__(self, register: Register, *, patience_s: float) -> None:
        self._register = register
        self._patience_s = patience_s
        self._asking: asyncio.Future[None] | None = None
        self._answered = float("-inf")  # time.monotonic() of the last good answer

    async def check(self) -> None:
        """Nothing, if the database answers in time. Raises NotReadyError with the reason."""
        if time.monotonic() - self._answered < _FRESH_S:
            return
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(asyncio.to_thread(self._register.ask))
            self._asking.add_done_callback(_heard)
        try:
            # Shielded: who gives up must not end the question for the others.
            await asyncio.wait_for(asyncio.shield(self._asking), self._patience_s)
        except TimeoutError:
            raise NotReadyError(
                f"database: 未及时应答 · no answer in {self._patience_s:g} s"
            ) from None
        except RegisterUnavailableError as error:
            why = str(error).partition(";")[0]  # what follows is for who wanted to store a case
            raise NotReadyError(f"database: 无法使用 · {why}") from None
        except RegisterError:  # which file it is, the log says where a case was refused
            raise NotReadyError(
                "register: 密钥文件无法使用 · its key file cannot be used"
            ) from None
        self._answered = time.monotonic()


class Readiness:
    """Whether requests are answered: not while the service warms up, mends itself or closes.

    ``ready`` is the watchdog's to say. ``probe`` None: no cases are kept.
    """

    def __init__(self, probe: RegisterProbe | None) -> None:
        self.ready = False
        self._probe = probe

    def set_ready(self, ready: bool) -> None:
        """A text was read, or none can be read now."""
        self.ready = ready

    def check(self) -> None:
        """Raises NotReadyError where texts cannot be read now."""
        if not self.ready:
            raise NotReadyError("warming up or closing · 正在启动或关闭")

    async def check_all(self) -> None:
        """The same, and where cases are kept the database must answer, too."""
        self.check()
        if self._probe is not None:
            await self._probe.check()


def _heard(question: asyncio.Future[None]) -> None:
    """An error that nobody waited for any more is no news."""
    if not question.cancelled():
        question.exception()
