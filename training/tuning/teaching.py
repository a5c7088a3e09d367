"""Teaching: a larger network's answers to the training texts, for a small one to learn as well.

Distillation (Hinton et al. 2015, "Distilling the Knowledge in a Neural Network"): where annotators
say yes or no, a teacher says how sure it is, and how near the other causes are. Any bundle with the
same labels can teach, whatever its encoder and tokenizer.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.analyzer import Analyzer, load_analyzer
from models.decoding import Reading
from models.errors import XiaobaoError
from models.labels import LabelSpace
from models.record import Record
from models.scores import chunks_of
from models.spellings import read_spelled
from training.tuning.batches import Target


class TeacherError(XiaobaoError):
    """A teacher whose answers the new network cannot learn."""


def load_teacher(directory: Path, *, labels: LabelSpace) -> Analyzer:
    """The teacher of a bundle's directory.

    labels: those of the new network. Raises TeacherError where the teacher's are others,
    BundleError for a bundle that is broken.
    """
    teacher = load_analyzer(directory)
    own, wanted = teacher.bundle.labels.evidence, labels.evidence
    if own != wanted:
        pairs = zip((*own, "nothing"), (*wanted, "nothing"), strict=False)
        found, needed = next(pair for pair in pairs if pair[0] != pair[1])
        raise TeacherError(f"{directory}: its labels: {found} found where {needed} is wanted")
    return teacher


def taught_by(teacher: Analyzer, texts: Sequence[str], targets: Sequence[Target]) -> list[Target]:
    """The targets with the teacher's probabilities for each window.

    texts: those that the targets are windows of, as they came.
    """
    read = [read_spelled(text).text for text in texts]
    shown = [Record(_words(target, read)) for target in targets]
    readings = (
        teacher.read(scores) for chunk in chunks_of(shown) for scores in teacher.score(chunk)
    )
    return [
        replace(target, taught=_answer(reading))
        for target, reading in zip(targets, readings, strict=True)
    ]


def _words(target: Target, texts: Sequence[str]) -> str:
    """What a window shows of its text: the teacher reads no more than its pupil."""
    offsets = target.window.offsets[1:-1]  # without the special tokens
    if not len(offsets):
        return ""
    return texts[target.window.text][int(offsets[0, 0]) : int(offsets[-1, 1])]


def _answer(reading: Reading) -> NDArray[np.float32]:
    """Labels, primary causes, agent: columns as in ``Network.ngram_outputs``."""
    return np.concatenate([reading.labels, reading.primary, [reading.agent]]).astype(np.float32)
