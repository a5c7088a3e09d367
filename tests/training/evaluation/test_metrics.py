"""Measuring a system: tiny cases counted by hand, and what must hold for any system."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.assessment import (
    AgentSigns,
    Assessment,
    Evidence,
    Facets,
    Label,
    ModelUsed,
    ReviewAdvice,
    RootCause,
    SignFound,
    TextRead,
)
from models.codebook import default_codebook
from models.record import LabelledRecord, Record, Span
from models.taxonomy import default_taxonomy
from training.evaluation.intervals import Figure, Rate
from training.evaluation.levels import gold_level
from training.evaluation.metrics import Evaluation, EvaluationError, measure
from training.evaluation.overlap import Overlap, overlaps
from training.evaluation.report import as_json
from training.predictions import Prediction, prediction_of

TAXONOMY, CODEBOOK = default_taxonomy(), default_codebook()
DELAY, DENY, PROMISE = "CLAIM.CLAIM_DELAY", "CLAIM.CLAIM_DENY", "SALES_MISLEAD.YIELD_PROMISE"
CRIME = "OTHER.REPORT_CRIME"
FEE, BLOCK, MENU = "PS_FEE_SHARE", "PS_BLOCK_CUSTOMER", "PS_ESCALATION_MENU"
FAMILY, VICTIM = "NX_FAMILY_HELPER", "NX_VICTIM_REPORT"
ONCE = np.ones((1, 1))


def labelled(text: str, primary: str = DELAY, **labels: object) -> LabelledRecord:
    record = Record(text, genre=labels.pop("genre", "own_words"), role=labels.pop("role", None))
    return LabelledRecord(record, primary, labels.pop("causes", (primary,)), **labels)


def agreeing(gold: LabelledRecord, **changes: object) -> Prediction:
    """The perfect prediction of a record, with some fields changed."""
    perfect = Prediction(
        primary=gold.primary,
        primary_probability=1.0,
        causes=frozenset(gold.causes),
        signs=frozenset(gold.signs),
        marks=frozenset(gold.marks),
        level=gold_level(gold, CODEBOOK),
        agent_probability=float(gold.agent_run),
        spans=gold.spans,
        review_needed=False,
    )
    return replace(perfect, **changes)


def naming(gold: LabelledRecord, cause: str) -> Prediction:
    return agreeing(gold, primary=cause, causes=frozenset({cause}))


def measured(
    golds: list[LabelledRecord], predictions: list[Prediction], *, seed: int = 0
) -> Evaluation:
    return measure(
        golds, predictions, taxonomy=TAXONOMY, codebook=CODEBOOK, seed=seed, resamples=200
    )


def ones(records: int) -> np.ndarray:
    return np.ones((1, records))


GOLDS = [
    labelled("理赔材料交了三个月没人理", DELAY, spans=(Span(4, 12, (DELAY,)),)),
    labelled("柜员说每年保底五个点", PROMISE, spans=(Span(2, 10, (PROMISE,)),)),
    labelled(
        "退下来要给他们三成,不许打客户电话",
        PROMISE,
        signs=(FEE, BLOCK),
        agent_run=True,
        spans=(Span(0, 9, (FEE,)), Span(10, 17, (BLOCK,))),
    ),
    labelled(
        "我父亲听力不好,我帮他问理赔",
        DELAY,
        marks=(FAMILY,),
        spans=(Span(0, 12, (FAMILY,)), Span(12, 14, (DELAY,))),
    ),
    labelled(
        "我被退保中介骗了四千块,来求助",
        CRIME,
        marks=(VICTIM,),
        spans=(Span(1, 11, (VICTIM,)),),
    ),
]


MISSED = [labelled(f"赔款拖了{n}个月", primary) for n, primary in enumerate([DELAY] * 3 + [DENY])]
NAMED = [
    naming(gold, said) for gold, said in zip(MISSED, (DELAY, DENY, PROMISE, DENY), strict=True)
]


def test_level_2_accuracy_counts_exact_hits() -> None:
    assert measured(MISSED, NAMED).level2_accuracy.value == 0.5


def test_level_1_accuracy_forgives_a_sibling() -> None:
    assert measured(MISSED, NAMED).level1_accuracy.value == 0.75


def test_macro_f1_covers_the_classes_present_in_gold_only() -> None:
    # CLAIM: 3 hits, 3 predicted, 4 gold; SALES_MISLEAD is not in gold.
    figures = measured(MISSED, NAMED).level1_primary
    assert figures.macro.value == pytest.approx(6 / 7)


def test_level_1_causes_are_the_parents_of_all_causes() -> None:
    gold = labelled("误导在先,拖赔在后", DELAY, causes=(DELAY, DENY, PROMISE))
    figures = measured([gold], [naming(gold, DELAY)]).level1_causes
    assert figures.micro.value == pytest.approx(2 / 3)  # 1 hit, 1 predicted, 2 gold


def test_micro_f1_of_one_label_a_record_is_accuracy() -> None:
    figures = measured(MISSED, NAMED)
    assert figures.level1_primary.micro.value == figures.level1_accuracy.value


def overlap(gold: LabelledRecord, said: Prediction, kind: str, scope: str) -> Overlap:
    kinds = {"cause": {DELAY, DENY, CRIME}, "sign": {FEE}}
    found = overlaps([gold], [said], kinds=kinds, weights=ONCE)
    return next(one for one in found if (one.kind, one.scope) == (kind, scope))


PROVED = labelled("材料交了三个月没有答复", DELAY, spans=(Span(0, 6, (DELAY,)),))


def test_half_the_characters_give_half_the_f1() -> None:
    said = agreeing(PROVED, spans=(Span(3, 9, (DELAY,)),))
    figures = overlap(PROVED, said, "cause", "agreed")
    assert (figures.precision.value, figures.recall.value, figures.f1.value) == (0.5, 0.5, 0.5)


def test_a_wrong_label_costs_only_where_all_labels_count() -> None:
    spans = (Span(3, 9, (DELAY,)), Span(0, 3, (DENY,)))
    said = agreeing(PROVED, causes=frozenset({DELAY, DENY}), spans=spans)
    agreed, every = (overlap(PROVED, said, "all", s).f1.value for s in ("agreed", "all"))
    assert (agreed, every) == (0.5, pytest.approx(6 / 15))  # 3 both, 9 predicted, 6 gold


def test_a_character_under_two_spans_of_a_label_counts_once() -> None:
    said = agreeing(PROVED, spans=(Span(0, 4, (DELAY,)), Span(2, 6, (DELAY,))))
    assert overlap(PROVED, said, "cause", "all").f1.value == 1.0


def test_a_label_given_without_words_is_left_out() -> None:
    gold = labelled("有人冒充你们客服", CRIME)
    said = agreeing(gold, spans=(Span(0, 4, (CRIME,)),))
    assert overlap(gold, said, "cause", "all").f1 == Figure(None)


def test_kinds_are_kept_apart() -> None:
    assert overlap(PROVED, agreeing(PROVED), "sign", "all").characters == 0


def test_a_genuine_case_at_review_is_a_false_flag() -> None:
    golds = [labelled("拖着不赔"), labelled("三个月没赔"), labelled("一直没人管")]
    levels = ["REVIEW", "WATCH", "NONE"]
    said = [agreeing(g, level=level) for g, level in zip(golds, levels, strict=True)]
    assert measured(golds, said).levels.false_flags == Rate(1, 3)


def test_false_flags_are_counted_by_genre() -> None:
    golds = [labelled("拖着不赔", genre="ocr"), labelled("三个月没赔", genre="chat_log")]
    said = [agreeing(golds[0], level="PRIORITY"), agreeing(golds[1])]
    rates = measured(golds, said).levels.false_flags_by_genre
    assert [(r.id, r.rate) for r in rates] == [("chat_log", Rate(0, 1)), ("ocr", Rate(1, 1))]


def test_false_flags_are_counted_by_protective_mark() -> None:
    golds = [labelled("我替父亲问", marks=(FAMILY,)), labelled("替母亲问", marks=(FAMILY,))]
    said = [agreeing(golds[0], level="REVIEW"), agreeing(golds[1])]
    (rate,) = measured(golds, said).levels.false_flags_by_mark
    assert (rate.id, rate.name, rate.rate) == (FAMILY, "亲属代为反映", Rate(1, 2))


@pytest.mark.parametrize(
    "victim", [labelled("被骗四千", DELAY, marks=(VICTIM,)), labelled("被骗四千", CRIME)]
)
def test_a_victim_with_any_level_is_accused(victim: LabelledRecord) -> None:
    figures = measured([victim], [agreeing(victim, level="WATCH")])
    assert figures.levels.victims_accused == Rate(1, 1)


def test_recall_counts_agent_run_records_at_each_level() -> None:
    golds = [
        labelled("给他们三成", signs=(FEE,), agent_run=True),
        labelled("一律联系我", signs=(BLOCK,), agent_run=True),
        labelled("请尽快处理", agent_run=True),
        labelled("拖着不赔"),
    ]
    levels = ["REVIEW", "WATCH", "NONE", "NONE"]
    said = [agreeing(g, level=level) for g, level in zip(golds, levels, strict=True)]
    recalls = measured(golds, said).levels.recalls
    assert {(r.level, r.signed): r.rate for r in recalls} == {
        ("WATCH", False): Rate(2, 3),
        ("REVIEW", False): Rate(1, 3),
        ("WATCH", True): Rate(2, 2),
        ("REVIEW", True): Rate(1, 2),
    }


def test_confusion_has_gold_in_rows_and_answers_in_columns() -> None:
    golds = [labelled("拖着不赔"), labelled("给他们三成", signs=(FEE,), agent_run=True)]
    said = [agreeing(golds[0], level="WATCH"), agreeing(golds[1], level="NONE")]
    levels = measured(golds, said).levels
    none, watch, review = (levels.order.index(x) for x in ("NONE", "WATCH", "REVIEW"))
    assert (levels.confusion[none][watch], levels.confusion[review][none]) == (1, 1)


def test_the_ceiling_is_the_policy_on_the_gold_labels() -> None:
    golds = [labelled("给他们三成", signs=(FEE,), agent_run=True)]
    figures = measured(golds, [agreeing(golds[0], signs=frozenset(), level="NONE")])
    reached = {r.level: r.rate.count for r in figures.ceiling.recalls if r.signed}
    assert reached == {"WATCH": 1, "REVIEW": 1}


def test_accuracy_on_the_rest_leaves_out_what_is_reviewed() -> None:
    golds = [labelled("拖着不赔"), labelled("三个月没赔"), labelled("一直没人管")]
    said = [agreeing(golds[0]), agreeing(golds[1])]
    said.append(replace(naming(golds[2], DENY), review_needed=True))
    review = measured(golds, said).review
    assert (review.reviewed, review.level2_accuracy_on_rest.value) == (Rate(1, 3), 1.0)


def test_a_slice_measures_its_own_records() -> None:
    golds = [labelled("拖着不赔", genre="ocr"), labelled("三个月没赔", genre="chat_log")]
    said = [naming(golds[0], PROMISE), agreeing(golds[1])]
    found = measured(golds, said).slices
    accuracies = {s.value: s.level1_accuracy.value for s in found if s.dimension == "genre"}
    assert accuracies == {"ocr": 0.0, "chat_log": 1.0}


def test_a_slice_counts_false_flags_among_genuine_records_only() -> None:
    golds = [labelled("拖着不赔"), labelled("给他们三成", signs=(FEE,), agent_run=True)]
    said = [agreeing(gold, level="REVIEW") for gold in golds]
    (found,) = (s for s in measured(golds, said).slices if s.dimension == "genre")
    assert found.false_flags == Rate(1, 1)


@pytest.mark.parametrize(
    ("length", "wanted"), [(49, "<50"), (50, "50-99"), (399, "200-399"), (400, "400+")]
)
def test_lengths_are_binned_by_code_points(length: int, wanted: str) -> None:
    gold = labelled("赔" * length)
    found = measured([gold], [agreeing(gold)]).slices
    assert [s.value for s in found if s.dimension == "length"] == [wanted]


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [({"role": "heir"}, "yes"), ({"marks": (FAMILY,)}, "yes"), ({"role": "insured"}, "no")],
)
def test_who_speaks_for_another_counts_as_vulnerable(labels: dict, wanted: str) -> None:
    gold = labelled("母亲去年走了", **labels)
    found = measured([gold], [agreeing(gold)]).slices
    assert [s.value for s in found if s.dimension == "vulnerable"] == [wanted]


def test_a_perfect_system_has_nothing_below_one() -> None:
    figures = measured(GOLDS, [agreeing(gold) for gold in GOLDS])
    agreements = (figures.level1_primary, figures.causes, figures.signs, figures.marks)
    values = [f.value for a in agreements for f in (a.micro, a.macro, a.samples)]
    values += [figures.level1_accuracy.value, figures.level2_accuracy.value]
    values += [overlap.f1.value for overlap in figures.evidence]
    values += [figures.agent.auroc.value, figures.agent.average_precision.value]
    values += [figures.agent.recall_at_limit.value, figures.levels.accuracy.value]
    assert set(values) == {1.0}


def test_a_perfect_system_errs_nowhere() -> None:
    figures = measured(GOLDS, [agreeing(gold) for gold in GOLDS])
    counts = (figures.levels.false_flags.count, figures.levels.victims_accused.count)
    errors = (figures.primary_calibration.error.value, figures.agent_calibration.error.value)
    assert (counts, errors) == ((0, 0), (0.0, 0.0))


def test_without_any_sign_the_figures_of_signs_are_undefined() -> None:
    golds = [labelled("拖着不赔"), labelled("三个月没赔")]
    figures = measured(golds, [agreeing(gold) for gold in golds])
    assert (figures.signs.micro, figures.signs.macro, figures.agent.auroc) == (Figure(None),) * 3
    assert figures.signs.rows == ()


PREDICTIONS = st.lists(
    st.builds(
        Prediction,
        primary=st.just(DELAY),
        primary_probability=st.sampled_from([0.2, 0.5, 0.5001, 1.0]),
        causes=st.sampled_from([frozenset({DELAY}), frozenset({DELAY, PROMISE})]),
        signs=st.frozensets(st.sampled_from([FEE, BLOCK, MENU])),
        marks=st.frozensets(st.sampled_from([FAMILY, VICTIM])),
        level=st.sampled_from(["NONE", "WATCH", "REVIEW", "PRIORITY"]),
        agent_probability=st.sampled_from([0.0, 0.4, 0.9]),
        spans=st.sampled_from([(), (Span(0, 5, (FEE, DELAY)),)]),
        review_needed=st.booleans(),
    ),
    min_size=len(GOLDS),
    max_size=len(GOLDS),
)


@settings(deadline=None, max_examples=15)
@given(PREDICTIONS, st.permutations(range(len(GOLDS))))
def test_the_order_of_the_records_changes_nothing(said: list, order: list) -> None:
    shuffled = measured([GOLDS[at] for at in order], [said[at] for at in order])
    assert as_json(shuffled, None) == as_json(measured(GOLDS, said), None)


@settings(deadline=None, max_examples=15)
@given(PREDICTIONS)
def test_every_figure_lies_between_zero_and_one(said: list) -> None:
    assert all(0 <= value <= 1 for value in _values(as_json(measured(GOLDS, said), None)))


def test_records_of_one_group_are_one_unit() -> None:
    golds = [labelled(f"第{n}封信", group="同一批" if n < 3 else None) for n in range(5)]
    assert measured(golds, [agreeing(gold) for gold in golds]).units == 3


def test_another_seed_moves_the_interval_and_not_the_figure() -> None:
    rng = random.Random(5)
    golds = [labelled(f"第{n}次催赔") for n in range(60)]
    said = [naming(gold, rng.choice([DELAY, DENY])) for gold in golds]
    one, two = (measured(golds, said, seed=seed).level2_accuracy for seed in (1, 2))
    assert one.value == two.value
    assert one != two


def test_nothing_to_measure() -> None:
    with pytest.raises(EvaluationError, match="0 records, at least 1 wanted"):
        measured([], [])


def test_a_missing_prediction() -> None:
    with pytest.raises(EvaluationError, match="predictions: 1, 2 wanted"):
        measured(GOLDS[:2], [agreeing(GOLDS[0])])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signs": frozenset({"PS_NEW"})}, "prediction 0: found sign PS_NEW"),
        ({"level": "CONFIRMED"}, "prediction 0: found level CONFIRMED"),
        ({"primary": "CLAIM"}, "prediction 0: found cause CLAIM"),
    ],
)
def test_an_unknown_id(changes: dict, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        measured(GOLDS[:1], [agreeing(GOLDS[0], **changes)])


def test_a_prediction_says_what_the_assessment_says() -> None:
    proof = (Evidence(0, 4, "拖着不赔", 0.9),)
    cause = Label(DELAY, "理赔时效", 0.8, proof)
    sign = SignFound(MENU, "升级渠道", "weak", 0.6, (Evidence(5, 8, "上媒体", 0.7),), "…", "…")
    mark = Label(FAMILY, "亲属", 0.7)
    assessment = Assessment(
        case_id=None,
        root_cause=RootCause(cause, (cause,), (Label("CLAIM", "理赔", 0.9),), "理赔"),
        agent=AgentSigns("WATCH", 0.3, (sign,), (mark,), ()),
        facets=Facets((), "complaint", "unknown"),
        review=ReviewAdvice(True, ("把握不足",)),
        text=TextRead(8, 1, "zh"),
        model=ModelUsed("b", "0.1", "0.1"),
    )
    assert prediction_of(assessment) == Prediction(
        primary=DELAY,
        primary_probability=0.8,
        causes=frozenset({DELAY}),
        signs=frozenset({MENU}),
        marks=frozenset({FAMILY}),
        level="WATCH",
        agent_probability=0.3,
        spans=(Span(0, 4, (DELAY,)), Span(5, 8, (MENU,))),
        review_needed=True,
    )


def _values(tree: object) -> list[float]:
    """Every figure's value and bounds in the JSON of an evaluation."""
    if isinstance(tree, dict):
        own = [tree[key] for key in ("value", "low", "high") if isinstance(tree.get(key), float)]
        return own + [value for branch in tree.values() for value in _values(branch)]
    if isinstance(tree, list):
        return [value for branch in tree for value in _values(branch)]
    return []
