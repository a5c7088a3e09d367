"""Robustness: the same texts with spelling noise, and what that costs.

Every text is changed once by each kind of noise; the figures stand beside those of the texts as
they are. A difference of a point is the change of one answer in a hundred.
"""

from collections.abc import Sequence

import numpy as np

from models.analyzer import Analyzer
from models.record import LabelledRecord
from training.evaluation.intervals import Figure
from training.evaluation.metrics import Evaluation, measure
from training.evaluation.tables import UNDEFINED, Reading, Table, together
from training.examples.noise import KINDS, with_noise
from training.predictions import prediction_of

RESAMPLES = 100  # the table shows no intervals

_NAMES = {
    "asr": "语音识别同音字 homophones of a recogniser",
    "slips": "打字疏漏 typing slips",
    "evasive": "规避性变体 disguised words",
}
_COLUMNS: tuple[tuple[str, Reading], ...] = (
    ("一级 level 1", lambda e: e.level1_accuracy),
    ("二级 level 2", lambda e: e.level2_accuracy),
    ("原因 F1 causes", lambda e: e.causes.micro),
    ("迹象 F1 signs", lambda e: e.signs.micro),
    ("标记 F1 marks", lambda e: e.marks.micro),
    ("证据 F1 evidence", lambda e: together(e, "agreed").f1),
)


def noise_table(records: Sequence[LabelledRecord], *, analyzer: Analyzer, seed: int = 0) -> Table:
    """Figures of the records as they are and under each kind of noise, with the differences."""
    plain = _measured(records, analyzer)
    rows = [("原文 as written", *(_shown(read(plain)) for _, read in _COLUMNS), _flags(plain))]
    for kind, noise in KINDS.items():
        generator = np.random.default_rng(seed)
        noisy = _measured([with_noise(r, noise, generator) for r in records], analyzer)
        cells = (_beside(read(noisy), read(plain)) for _, read in _COLUMNS)
        rows.append((_NAMES[kind], *cells, _flags(noisy)))
    columns = ("写法 spelling", *(name for name, _ in _COLUMNS), "误提示 false flags")
    return Table("拼写噪声 Under spelling noise", columns, tuple(rows))


def _measured(records: Sequence[LabelledRecord], analyzer: Analyzer) -> Evaluation:
    bundle = analyzer.bundle
    answers = analyzer.assess([labelled.record for labelled in records])
    return measure(
        records,
        [prediction_of(answer) for answer in answers],
        taxonomy=bundle.taxonomy,
        codebook=bundle.codebook,
        resamples=RESAMPLES,
    )


def _shown(figure: Figure) -> str:
    return UNDEFINED if figure.value is None else f"{figure.value:.3f}"


def _beside(noisy: Figure, plain: Figure) -> str:
    if noisy.value is None or plain.value is None:
        return UNDEFINED
    return f"{noisy.value:.3f} ({noisy.value - plain.value:+.3f})"


def _flags(evaluation: Evaluation) -> str:
    rate = evaluation.levels.false_flags
    return f"{rate.count}/{rate.total}"
