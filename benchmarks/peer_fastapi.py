"""A peer of the service: a plain FastAPI route around a pipeline of transformers, in fp32.

Run by ``peers`` as ``python peer_fastapi.py --model DIR --port PORT``, in an environment that knows
nothing of this repository. One text a call, in the threads of the framework.
"""

import argparse
from typing import Any

import uvicorn
from fastapi import Body, FastAPI
from transformers import pipeline


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    classify = pipeline("text-classification", model=options.model, device="cpu", dtype="float32")
    app = FastAPI()

    @app.post("/classify")
    def answer(text: str = Body(embed=True)) -> Any:
        return classify(text, truncation=True)

    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
