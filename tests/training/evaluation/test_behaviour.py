"""Behavioural tests: the file is whole, and a run counts what it should."""

from pathlib import Path

import pytest

from models.analyzer import load_analyzer
from tests.support.places import SAMPLES
from training.evaluation.behaviour import BehaviourError, load_suites, run_suites

TWO = """
version: "1"
suites:
  - id: plain
    zh: 直说
    kind: minimum
    cases:
      - {text: "资料交齐两个月没有任何回音,请尽快赔付。", wanted: {primary: CLAIM}}
      - {text: "资料交齐两个月没有任何回音,请尽快赔付。", wanted: {primary: SYSTEM}}
  - id: order
    zh: 语序
    kind: invariance
    cases:
      - {text: "请赔付。", variants: ["请赔付。", "请赔付。"], wanted: [primary, level]}
"""


def written(directory: Path, text: str) -> Path:
    path = directory / "behaviour.yaml"
    path.write_text(text, "utf-8")
    return path


def test_the_file_that_ships_holds_two_hundred_tests_of_all_kinds() -> None:
    suites = load_suites(SAMPLES / "behaviour.yaml")

    assert sum(len(case.others) or 1 for suite in suites for case in suite.cases) >= 200
    assert {suite.kind for suite in suites} == {"minimum", "invariance", "direction"}


def test_its_texts_are_kept_out_of_the_labelled_samples() -> None:
    suites = load_suites(SAMPLES / "behaviour.yaml")
    labelled = (SAMPLES / "complaints.jsonl").read_text("utf-8")

    # Short ones say what anyone says (全额退保!!!): only sentences can be told apart.
    texts = [case.text for suite in suites for case in suite.cases if len(case.text) > 15]
    assert [text for text in texts if text in labelled] == []


def test_a_wrong_answer_is_named_by_its_place_and_every_rewriting_counts(tmp_path: Path) -> None:
    outcomes = run_suites(load_suites(written(tmp_path, TWO)), load_analyzer())

    assert [(o.suite.id, o.tests, o.failed) for o in outcomes] == [
        ("plain", 2, ("plain:2.1 primary",)),
        ("order", 2, ()),
    ]
    assert outcomes[0].passed == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: minimum", "kind: maximum", "found maximum, wanted one of minimum"),
        ("primary: CLAIM", "cause: CLAIM", "found cause, wanted one of primary"),
        ("wanted: [primary, level]", "wanted: []", "wanted some of primary"),
        ("id: order", "id: plain", "found plain twice"),
        ("variants:", "variant:", "unknown key variant"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(BehaviourError, match=said):
        load_suites(written(tmp_path, TWO.replace(old, new)))
