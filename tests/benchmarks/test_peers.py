"""What the comparison with peers makes of its figures, and what it sends."""

import json

import pytest

from benchmarks.peer_sides import SIDES, body_of
from benchmarks.peers import summary


def figures(*, per_second, processor_ms, p99_ms):
    return {"per_second": per_second, "processor_ms": processor_ms, "p50_ms": 1, "p99_ms": p99_ms}


def test_a_ratio_above_one_says_that_ours_does_better():
    ours = figures(per_second=30.0, processor_ms=20.0, p99_ms=100)
    peer = figures(per_second=10.0, processor_ms=50.0, p99_ms=400)
    found = summary([{"ours": ours, "fastapi": peer}] * 3)
    assert found["ratios"] == {"fastapi": {"throughput": 3.0, "processor_time": 2.5, "p99": 4.0}}
    assert found["medians"]["per_second"] == {"ours": 30.0, "fastapi": 10.0}


@pytest.mark.parametrize("side", sorted(SIDES))
def test_every_side_is_sent_the_text_as_it_is(side):
    text = '他说"全额退保"\n{text}'
    sent = json.loads(body_of(SIDES[side], text))
    assert text in (sent.get("text"), *sent.get("input", []))
