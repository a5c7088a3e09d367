import importlib.util

import pytest

from benchmarks.api_fuzzing import Findings, fuzz, service

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed"
)


def test_no_request_is_answered_otherwise_than_the_schema_says(tmp_path):
    findings = Findings()
    with service(tmp_path, with_bundle=False) as (address, key):
        fuzz(address, key, examples=1, seed=1, findings=findings, phases=("coverage",))
    assert findings.cases > 300
    assert {"POST /v1/assess", "POST /v1/assess/batch", "GET /v1/groups"} <= set(+findings.taken)
    assert findings.faults == {}
