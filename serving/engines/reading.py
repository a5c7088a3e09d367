"""What every worker does: load the bundle once, check that it is the right one, read records.

Knows records and assessments; neither an engine nor Arrow.
"""

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from models.analyzer import load_analyzer
from models.assessment import Assessment
from models.bundle import BundleError
from models.record import Record
from serving.contracts import Analyzer

_STRIDE = 64
_LOADING = threading.Lock()


def worker_analyzer(bundle: str | None = None, *, threads: int = 1) -> Analyzer:
    """This process's analyzer of a bundle, loaded and self-checked by the first that asks."""
    with _LOADING:
        return _load(bundle, threads)


def check_bundle(analyzer: Analyzer, expect: str | None) -> None:
    """Raises BundleError for a bundle that is not the one ``expect`` names."""
    found = analyzer.description["bundle"]
    if expect is not None and found != expect:
        raise BundleError(f"worker: bundle {found} found, {expect} wanted, as where the run began")


def assess_sorted(
    records: Sequence[Record],
    analyzer: Analyzer,
    *,
    batch_tokens: int = 4096,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Assessment]:
    """The assessments in the order of ``records``, read in order of length: less padding."""
    order = sorted(range(len(records)), key=lambda index: len(records[index].text))
    answers: dict[int, Assessment] = {}
    for start in range(0, len(order), _STRIDE):
        places = order[start : start + _STRIDE]
        found = analyzer.assess([records[place] for place in places], batch_tokens=batch_tokens)
        answers.update(zip(places, found, strict=True))
        advance(len(places))
    return [answers[place] for place in range(len(records))]


@lru_cache(maxsize=2)
def _load(bundle: str | None, threads: int) -> Analyzer:
    return load_analyzer(Path(bundle) if bundle else None, threads=threads)
