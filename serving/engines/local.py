"""The local engine: this machine's cores, each with a process of its own once it is worth it.

One network on many threads waits for its slowest thread, and reads no text meanwhile; a process a
core does not. A short file is read by the one analyzer that is there already.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice

import orjson

from models.assessment import as_json
from models.runtimes import available_cores
from serving.contracts import Analyzer
from serving.engines.engine import Advance, Answered, EngineError, Numbered, in_order
from serving.engines.reading import assess_sorted, check_bundle, worker_analyzer

_FEW = 4  # batches that are read sooner than processes start


class Alone:
    """One analyzer in this process, on the runtime's own threads."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer

    def score(
        self, batches: Iterable[Sequence[Numbered]], *, advance: Advance
    ) -> Generator[Sequence[Answered], None, None]:
        """See Engine."""
        for batch in batches:
            yield _read(batch, self._analyzer, advance=advance)


class ProcessPool:
    """A process a core, once there are more than a few batches; until then as ``Alone``."""

    def __init__(
        self,
        analyzer: Analyzer,
        *,
        bundle: str | None = None,
        workers: int | None = None,
        few: int = _FEW,
    ) -> None:
        self._alone = Alone(analyzer)
        self._options = {"bundle": bundle, "expect": str(analyzer.description["bundle"])}
        self._workers = workers or available_cores()
        self._few = few

    def score(
        self, batches: Iterable[Sequence[Numbered]], *, advance: Advance
    ) -> Generator[Sequence[Answered], None, None]:
        """See Engine. Raises EngineError when a process is killed."""
        batches = iter(batches)
        first = list(islice(batches, self._few))
        if len(first) < self._few or self._workers == 1:
            yield from self._alone.score(chain(first, batches), advance=advance)
            return
        with _pool(self._workers) as pool:
            answers = in_order(
                lambda batch: pool.submit(_score, batch, self._options),
                chain(first, batches),
                ahead=2 * self._workers,
            )
            try:
                for own in answers:
                    advance(len(own))
                    yield own
            except BrokenProcessPool as error:
                raise EngineError("a reading process was killed (out of memory?)") from error
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def _pool(workers: int) -> Executor:
    # Spawned: a fork would copy the runtime's threads in whatever state they are.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)


def _begin() -> None:
    """End at Ctrl+C without a word, and when the parent is gone: its answers have no reader."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _score(batch: Sequence[Numbered], options: dict[str, str | None]) -> list[Answered]:
    analyzer = worker_analyzer(options["bundle"])
    check_bundle(analyzer, options["expect"])
    return _read(batch, analyzer)


def _read(
    batch: Sequence[Numbered], analyzer: Analyzer, *, advance: Advance = lambda _: None
) -> list[Answered]:
    answers = assess_sorted([record for _, record in batch], analyzer, advance=advance)
    return [
        (row, orjson.dumps(as_json(answer)).decode())
        for (row, _), answer in zip(batch, answers, strict=True)
    ]
