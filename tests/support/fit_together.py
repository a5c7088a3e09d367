"""Fits a tiny network as one of several processes, as the commands do: started by the tests.

    python tests/support/fit_together.py FOLDER TROUBLE

FOLDER holds few.jsonl, base/ and settings.json; the leader leaves weights.safetensors and
history.json there. TROUBLE names a process and what happens to it in the second epoch, as in
"1:error" or "1:killed"; or it is "none".
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import typer
from safetensors.torch import save_file

from models.codebook import default_codebook
from models.errors import XiaobaoError
from models.labels import label_space
from models.network import Network, NetworkShape
from models.taxonomy import default_taxonomy
from models.windows import WindowReader
from training.examples.reading import load_examples
from training.pretraining.encoders import load_encoder
from training.processes import ALONE, Processes, together
from training.tuning import stepping
from training.tuning.batches import targets_of
from training.tuning.excerpts import clause_ends
from training.tuning.fitting import Epoch, Report, fit
from training.tuning.run_state import copied_weights
from training.tuning.settings import FitSettings

CPU = torch.device("cpu")


def fit_few(
    folder: Path,
    settings: FitSettings,
    *,
    processes: Processes = ALONE,
    report: Report = lambda *_: None,
) -> tuple[dict[str, torch.Tensor], list[Epoch]]:
    """Weights and history of a fit in full precision, each epoch better than the last."""
    torch.set_num_threads(1)
    precision, stepping.autocast = stepping.autocast, _full_precision
    try:
        encoder = load_encoder(folder / "base", device=CPU)
        labels = label_space(default_taxonomy(), default_codebook())
        records = load_examples(
            [folder / "few.jsonl"],
            causes=labels.causes,
            signs=[sign.id for sign in default_codebook().signs],
            marks=[mark.id for mark in default_codebook().marks],
        ).records
        reader = WindowReader(encoder.tokenizer, window=64, overlap=16)
        targets = targets_of(records, reader=reader, labels=labels)
        torch.manual_seed(0)
        network = Network(encoder.module, NetworkShape.of(labels, width=encoder.width), dropout=0.2)
        stages = ["epoch 0/0"]

        def watched(stage: str, *rest: Any) -> None:
            stages[:] = [stage]
            report(stage, *rest)

        history = fit(
            network,
            targets,
            score=lambda _: int(stages[0].split()[1].partition("/")[0]),
            settings=settings,
            device=CPU,
            checkpoint=folder / "fit",
            mask_id=encoder.mask_id,
            ends=clause_ends(encoder.tokenizer),
            processes=processes,
            report=watched,
        )
    finally:
        stepping.autocast = precision
    return copied_weights(network), history


def _full_precision(_: torch.device) -> torch.autocast:
    return torch.autocast("cpu", enabled=False)


def _trouble(processes: Processes, words: str) -> Report:
    number, _, kind = words.partition(":")

    def meet(stage: str, *_: Any) -> None:
        if stage.startswith("epoch 2") and number == str(processes.rank):
            if kind == "error":
                raise XiaobaoError("the disk: full found, room wanted")
            os._exit(9)

    return meet


def main() -> int:
    folder, words = Path(sys.argv[1]), sys.argv[2]
    settings = FitSettings(**json.loads((folder / "settings.json").read_text("utf-8")))
    try:
        with together() as processes:
            weights, history = fit_few(
                folder, settings, processes=processes, report=_trouble(processes, words)
            )
            if processes.leads:
                save_file(weights, folder / "weights.safetensors")
                rows = [asdict(epoch) for epoch in history]
                (folder / "history.json").write_text(json.dumps(rows), "utf-8")
    except typer.Exit as end:
        return end.exit_code
    except XiaobaoError as error:
        sys.stderr.write(f"xiaobao: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
