import importlib.util

import pytest

from tests.support.places import ROOT

PLACE = ROOT / ".ci" / "audit.py"
SOUND = {"name": "orjson", "version": "3.13.0", "vulns": []}
SKIPPED = {"name": "wrapt", "skip_reason": "not found"}
BAD = {
    "name": "jinja2",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.1"]}],
}


@pytest.fixture(scope="module")
def verdict():
    spec = importlib.util.spec_from_file_location("audit_of_pins", PLACE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.verdict


def test_pins_without_known_vulnerabilities_pass(verdict):
    lines, code = verdict([SOUND, SOUND])
    assert code == 0
    assert "2 个包" in lines[-1]


def test_a_vulnerability_is_told_with_the_version_that_mends_it(verdict):
    lines, code = verdict([SOUND, BAD])
    assert code == 1
    assert lines[0] == "jinja2 2.0: PYSEC-1 CVE-1, mended in 2.1"


def test_without_a_network_nothing_is_said_to_be_sound(verdict):
    lines, code = verdict([SKIPPED, SKIPPED])
    assert code == 2
    assert "什么都没有检查" in lines[0]


def test_a_package_that_could_not_be_asked_about_is_named_and_does_not_pass(verdict):
    lines, code = verdict([SOUND, SKIPPED])
    assert code == 1
    assert "wrapt" in lines[0]
