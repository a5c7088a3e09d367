"""The benchmark of our own cost: what is put beside the bare loop, and how rounds become ratios."""

import pytest

from benchmarks.overheads import bare_loop, summary
from models.analyzer import load_analyzer
from models.record import Record


def round_of(bare: float, assess: float, service: float, single: tuple[float, float]) -> dict:
    ms = {"bare": bare, "assess": assess, "service": service}
    twice = {side: 2 * value for side, value in ms.items()}
    return {
        "ms": ms,
        "processor_ms": twice,
        "single_p50_ms": dict(zip(("bare", "service"), single, strict=True)),
    }


def test_ratios_are_those_of_each_round_not_of_the_medians():
    rounds = [
        round_of(10, 11, 12, (20, 25)),
        round_of(20, 24, 30, (20, 24)),  # a slow moment: all sides were
        round_of(10, 11, 13, (20, 30)),
    ]
    found = summary(rounds)
    assert found["over_bare"] == {"assess": 1.1, "service": 1.3}
    assert found["processor_over_bare"] == found["over_bare"]
    assert found["single_over_bare"] == pytest.approx(1.25)
    assert found["texts_per_second"] == {"bare": 100.0, "assess": 90.9, "service": 76.9}


def test_the_bare_loop_reads_every_window_of_every_text():
    analyzer = load_analyzer(threads=1)
    records = [Record("投保时没有说明"), Record("要求退保并说明原因。" * 300)]
    windows = [window for text in analyzer.cut(records) for window in text.windows]
    read: list[int] = []
    infer = analyzer.runtime.infer

    def counting(ids, mask):
        read.append(int(mask.sum()))
        return infer(ids, mask)

    loop = bare_loop(analyzer, records)
    analyzer.runtime.infer = counting
    loop()
    assert len(windows) > 2
    assert sum(read) == sum(len(window.ids) for window in windows)
