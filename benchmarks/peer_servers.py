"""Peers of the service: what one writes first around the same encoder. Run by ``peers``.

    python peer_servers.py fastapi|litserve --model DIR --port PORT

Stands alone: it runs in environments that know nothing of this repository. ``DIR`` is a checkpoint
of transformers for sequence classification.
"""

import argparse
from typing import Any

BATCH = 32  # texts that LitServe puts together at most
BATCH_WAIT_S = 0.005


def serve_fastapi(model: str, port: int) -> None:
    """A plain route around a pipeline, fp32: one text a call, in the threads of the framework."""
    import uvicorn
    from fastapi import Body, FastAPI
    from transformers import pipeline

    classify = pipeline("text-classification", model=model, device="cpu", dtype="float32")
    app = FastAPI()

    @app.post("/classify")
    def answer(text: str = Body(embed=True)) -> Any:
        return classify(text, truncation=True)

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def serve_litserve(model: str, port: int) -> None:
    """LitServe, with requests put together into batches."""
    import litserve
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    class Classifier(litserve.LitAPI):
        def setup(self, device: str) -> None:
            self.tokenizer = AutoTokenizer.from_pretrained(model)
            self.network = (
                AutoModelForSequenceClassification.from_pretrained(model, dtype=torch.float32)
                .to(device)
                .eval()
            )

        def decode_request(self, request: dict[str, Any]) -> str:
            return str(request["text"])

        def predict(self, texts: list[str]) -> list[dict[str, Any]]:
            tokens = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
            with torch.inference_mode():
                logits = self.network(tokens["input_ids"], tokens["attention_mask"]).logits
            scores, labels = logits.softmax(-1).max(-1)
            names = self.network.config.id2label
            pairs = zip(labels.tolist(), scores.tolist(), strict=True)
            return [{"label": names[label], "score": score} for label, score in pairs]

        def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
            return output

    api = Classifier(max_batch_size=BATCH, batch_timeout=BATCH_WAIT_S, api_path="/classify")
    server = litserve.LitServer(api, accelerator="cpu", timeout=60)
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=("fastapi", "litserve"))
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    {"fastapi": serve_fastapi, "litserve": serve_litserve}[options.peer](
        options.model, options.port
    )
