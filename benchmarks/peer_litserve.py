"""A peer of the service: LitServe around the same network, requests put together into batches.

Run by ``peers`` as ``python peer_litserve.py --model DIR --port PORT``, in an environment that
knows nothing of this repository.
"""

import argparse
from typing import Any

import litserve
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

BATCH = 32  # texts at most
WAIT_S = 0.005  # for company


class Classifier(litserve.LitAPI):
    """Names the label of the highest score."""

    def __init__(self, model: str) -> None:
        super().__init__(max_batch_size=BATCH, batch_timeout=WAIT_S, api_path="/classify")
        self.model = model

    def setup(self, device: str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(self.model)
        network = AutoModelForSequenceClassification.from_pretrained(
            self.model, dtype=torch.float32
        )
        self.network = network.to(device).eval()

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    server = litserve.LitServer(Classifier(options.model), accelerator="cpu", timeout=60)
    server.run(host="127.0.0.1", port=options.port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main()
