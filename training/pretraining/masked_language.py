"""Pretraining: masked-language modelling on unlabelled text, from nothing or from a checkpoint.

An insurer can go on with its own complaints (domain-adaptive pretraining, Gururangan et al.
2020); the text never leaves its machine. Hiding single tokens first and whole words later
(``words_from``) leaves the plateau of a start from nothing sooner.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForMaskedLM

from models.errors import XiaobaoError
from training.pretraining.corpora import endless
from training.pretraining.encoders import (
    attention_on,
    autocast,
    load_tokenizer,
    positions_of,
    reading,
)
from training.pretraining.masking import IGNORED, Masked, mask_blocks
from training.pretraining.states import FILE, read_state, write_state


class PretrainError(XiaobaoError):
    """A run that cannot start or cannot go on."""


@dataclass(frozen=True, slots=True)
class PretrainSettings:
    """How to pretrain. The schedule is one of time: ``minutes`` in all, resumed runs included.

    ``length``: tokens a block; ``batch``: blocks a pass; ``accumulate``: passes a step;
    ``masked``: share of hidden tokens;
    ``words_from``: share of the run after which whole words are hidden; ``warmup``: share in
    which the rate rises, to fall to 0 at the end.
    """

    minutes: float = 60.0
    learning_rate: float = 5e-4
    warmup: float = 0.02
    weight_decay: float = 0.01
    batch: int = 32
    accumulate: int = 1
    length: int = 128
    masked: float = 0.2
    words_from: float = 0.0
    clip: float = 1.0
    save_minutes: float = 5.0
    seed: int = 0


@dataclass(slots=True)
class Progress:
    """How far a run is: seconds and tokens of all its sittings, a running loss in nats."""

    seconds: float = 0.0
    steps: int = 0
    tokens: int = 0
    loss: float = math.nan

    def note(self, loss: float, tokens: int) -> None:
        """Counts one step; its loss moves the running one by a hundredth."""
        self.steps += 1
        self.tokens += tokens
        self.loss = loss if math.isnan(self.loss) else 0.99 * self.loss + 0.01 * loss


@dataclass(frozen=True, slots=True)
class _Run:
    """A model on its way, and all that says whether a stored state is its own."""

    model: Any
    tokenizer: Any
    optimizer: torch.optim.AdamW
    settings: PretrainSettings
    device: torch.device
    identity: dict[str, Any]
    progress: Progress = field(default_factory=Progress)

    @property
    def done(self) -> float:
        """Share of the time that is over."""
        return self.progress.seconds / (60 * self.settings.minutes)

    def save(self, directory: Path) -> None:
        about = {**self.identity, "progress": asdict(self.progress)}
        write_state(directory, {"model": self.model.state_dict()}, self.optimizer, about)

    def resume(self, directory: Path) -> None:
        """Takes up a state of the same settings, files and shapes; else leaves all as it is."""
        state = read_state(directory)
        if state is None:
            return
        stored = {name: value.shape for name, value in state.tensors.get("model", {}).items()}
        shapes = {name: value.shape for name, value in self.model.state_dict().items()}
        own = json.loads(json.dumps(self.identity))
        if stored != shapes or any(state.about.get(name) != own[name] for name in own):
            return
        self.model.load_state_dict(state.tensors["model"])
        state.into(self.optimizer)
        for name, value in state.about["progress"].items():
            setattr(self.progress, name, value)


def pretrain(
    files: Sequence[Path],
    *,
    base: str | Path,
    directory: Path,
    settings: PretrainSettings,
    device: torch.device,
    report: Callable[[Progress], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    compiled: bool = False,
) -> Progress:
    """Trains the checkpoint at ``base`` on the files and writes a checkpoint to ``directory``.

    base: a local directory without weights starts from nothing, with its config.json and
    tokenizer. The state is kept in ``directory`` every ``save_minutes``; a run that finds one of
    the same settings, base and files goes on from it, the files from their start again. report:
    called after each step. clock: seconds. compiled: by torch.compile.

    Raises CorpusError, EncoderError, StateError, or PretrainError for a loss that is not finite.
    """
    run = _start(files, base=base, settings=settings, device=device)
    _make(directory)
    run.resume(directory)
    run.model.train()
    saved, last = run.progress.seconds, clock()
    if compiled:
        run.model.base_model.compile()
    for batch in _batches(run, files):
        _one_step(run, batch)
        now = clock()
        run.progress.seconds += now - last
        last = now
        if run.progress.seconds - saved > 60 * settings.save_minutes:
            run.save(directory)
            saved = run.progress.seconds
        report(run.progress)
    run.model.config.sparse_prediction = False
    run.model.half().save_pretrained(directory)
    run.tokenizer.save_pretrained(directory)
    (directory / FILE).unlink(missing_ok=True)
    return run.progress


def _batches(run: _Run, files: Sequence[Path]) -> Iterator[Masked]:
    """Batches until the time is over."""
    settings, tokenizer = run.settings, run.tokenizer
    generator = np.random.default_rng((settings.seed, run.progress.steps))
    torch.manual_seed(settings.seed + run.progress.steps)
    supply = endless(
        files, tokenizer=tokenizer.backend_tokenizer, length=settings.length, generator=generator
    )
    ordinary = set(tokenizer.get_vocab().values()) - set(tokenizer.all_special_ids)
    while run.done < 1:
        yield mask_blocks(
            list(islice(supply, settings.batch * settings.accumulate)),
            share=settings.masked,
            whole_words=run.done >= settings.words_from,
            mask_id=int(tokenizer.mask_token_id),
            ordinary=np.array(sorted(ordinary), dtype=np.int64),
            generator=generator,
        )


def _start(
    files: Sequence[Path], *, base: str | Path, settings: PretrainSettings, device: torch.device
) -> _Run:
    model = _model(base, device)
    tokenizer = load_tokenizer(base, vocabulary=int(model.config.vocab_size))
    positions = positions_of(base, model.config)
    if settings.length > positions:
        raise PretrainError(
            f"length: {settings.length} found, at most {positions} tokens wanted, as {base} reads"
        )
    identity = {"settings": asdict(settings), "base": str(base), "files": [str(f) for f in files]}
    optimizer = torch.optim.AdamW(_groups(model, settings), betas=(0.9, 0.98), eps=1e-6)
    return _Run(model, tokenizer, optimizer, settings, device, identity)


def _model(base: str | Path, device: torch.device) -> Any:
    directory, attention = Path(base), attention_on(device)
    bare = (directory / "config.json").is_file() and not any(
        path.suffix in {".safetensors", ".bin"} for path in directory.iterdir()
    )
    with reading(base):
        if bare:
            config = AutoConfig.from_pretrained(str(base))
            model = AutoModelForMaskedLM.from_config(config, attn_implementation=attention)
        else:
            model = AutoModelForMaskedLM.from_pretrained(
                str(base), dtype=torch.float32, attn_implementation=attention
            )
    # ModernBERT then scores the vocabulary at hidden tokens only: 1.3 times the tokens a second.
    model.sparse_prediction = model.config.sparse_prediction = True
    return model.float().to(device)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PretrainError(
            f"{directory}: {type(error).__name__}, a directory to write to wanted"
        ) from error


def _one_step(run: _Run, batch: Masked) -> None:
    for group in run.optimizer.param_groups:
        group["lr"] = run.settings.learning_rate * _rate(run.done, run.settings.warmup)
    run.optimizer.zero_grad(set_to_none=True)
    found = _gradients(run, batch)
    if not math.isfinite(found):
        raise PretrainError(
            f"loss: {found} found after {run.progress.steps} steps; a lower learning rate wanted"
        )
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), run.settings.clip)
    run.optimizer.step()
    run.progress.note(found, int(batch.mask.sum()))


def _gradients(run: _Run, batch: Masked) -> float:
    """Adds up the gradients of all passes; returns the loss, a mean over all hidden tokens."""
    tensors = (batch.ids, batch.mask, batch.labels)
    hidden, found = (batch.labels != IGNORED).sum(), 0.0
    for passed in zip(*(torch.split(t, run.settings.batch) for t in tensors), strict=True):
        ids, mask, labels = (part.to(run.device) for part in passed)
        own = (labels != IGNORED).sum()
        if not own:
            continue
        with autocast(run.device):
            mean = run.model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss = mean * (own / hidden.to(run.device))
        loss.backward()
        found += float(loss.detach())
    return found


def _rate(done: float, warmup: float) -> float:
    if done < warmup:
        return max(0.01, done / warmup)
    return max(0.0, 1 - (done - warmup) / (1 - warmup))


def _groups(model: Any, settings: PretrainSettings) -> list[dict[str, object]]:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
