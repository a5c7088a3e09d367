import numpy as np
import pytest

from training.pretraining.corpora import Block
from training.pretraining.masking import IGNORED, Masked, mask_blocks

MASK, ORDINARY = 4, np.arange(5, 50)


def block(words: list[int]) -> Block:
    """A block whose tokens are 10, 11, 12 … between special tokens."""
    ids = [2, *range(10, 10 + len(words)), 3]
    return Block(np.array(ids), np.array([-1, *words, -1]))


def masked(*blocks: Block, share: float = 0.3, whole: bool = True, seed: int = 0) -> Masked:
    return mask_blocks(
        blocks,
        share=share,
        whole_words=whole,
        mask_id=MASK,
        ordinary=ORDINARY,
        generator=np.random.default_rng(seed),
    )


MANY = [block([0, 0, 1, 2, 2, 2, 3, 4, 4]) for _ in range(200)]


def test_the_tokens_of_a_word_are_hidden_together():
    hidden = (masked(*MANY).labels != IGNORED).numpy()[:, 1:-1]
    first, rest = hidden[:, [0, 3, 3, 7]], hidden[:, [1, 4, 5, 8]]
    assert (first == rest).all()
    assert 0 < first.mean() < 1


def test_single_tokens_are_hidden_apart():
    hidden = (masked(*MANY, whole=False).labels != IGNORED).numpy()
    assert (hidden[:, 1] != hidden[:, 2]).any()


@pytest.mark.parametrize("whole", [True, False])
def test_about_the_share_asked_for_is_hidden(whole):
    hidden = (masked(*MANY, whole=whole).labels != IGNORED).numpy()[:, 1:-1]
    assert abs(hidden.mean() - 0.3) < 0.06


@pytest.mark.parametrize("whole", [True, False])
def test_special_tokens_and_padding_are_never_hidden(whole):
    batch = masked(block([0]), block([0, 1, 2]), share=1.0, whole=whole)
    assert (batch.labels != IGNORED).tolist() == [
        [False, True, False, False, False],
        [False, True, True, True, False],
    ]


def test_padding_is_masked_out():
    batch = masked(block([0]), block([0, 1, 2]))
    assert batch.mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]


def test_labels_are_the_tokens_that_were_hidden():
    batch = masked(*MANY)
    wanted = np.array([entry.ids for entry in MANY])
    hidden = (batch.labels != IGNORED).numpy()
    assert (batch.labels.numpy()[hidden] == wanted[hidden]).all()
    assert (batch.ids.numpy()[~hidden] == wanted[~hidden]).all()


def test_most_hidden_tokens_are_the_mask_and_some_another_or_their_own():
    batch = masked(*MANY, share=1.0)
    shown, own = batch.ids.numpy()[:, 1:-1], batch.labels.numpy()[:, 1:-1]
    assert abs((shown == MASK).mean() - 0.8) < 0.04
    assert abs((shown == own).mean() - 0.1) < 0.04
    assert np.isin(shown[shown != MASK], ORDINARY).all()


@pytest.mark.parametrize("whole", [True, False])
def test_at_least_one_token_is_hidden(whole):
    batch = masked(block([0, 1, 2]), share=1e-9, whole=whole)
    assert int((batch.labels != IGNORED).sum()) == 1
