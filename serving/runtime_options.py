"""The runtime as an option of commands, and how a choice is told: in a log, or in one line.

Knows names and seconds; no text of a complaint comes here.
"""

from typing import Annotated

import typer

from models.runtime_choice import RuntimeChoice

RuntimeName = Annotated[
    str | None,
    typer.Option(
        "--runtime", help="推理引擎 · onnx, openvino, torch, auto: 试跑取最快 the fastest [onnx]"
    ),
]
PrecisionName = Annotated[
    str | None,
    typer.Option("--precision", help="auto, fp32:不用低精度 · nothing less than fp32 [auto]"),
]


def log_choice(choice: RuntimeChoice) -> None:
    """One structured line: which runtime was taken and why, seconds and faults."""
    import structlog

    structlog.get_logger("xiaobao").info("runtime chosen", **choice.as_json())


def tell_choice(choice: RuntimeChoice) -> None:
    """One line on standard error where there was something to choose."""
    if choice.reason != "asked for":
        typer.echo(f"推理引擎 runtime: {in_words(choice)}", err=True)


def in_words(choice: RuntimeChoice) -> str:
    """The runtime, and why it and no other: ``openvino-cpu-bf16, fastest in the trial (…)``."""
    seconds = [f"{name} {spent:.3f} s" for name, spent in choice.seconds.items()]
    refused = [f"{kind}: {why}" for kind, why in choice.refused.items()]
    more = "; ".join([*seconds, *refused])
    return f"{choice.runtime.name}, {choice.reason}" + (f" ({more})" if more else "")
