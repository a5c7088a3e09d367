"""Where the project and its samples lie."""

from pathlib import Path

import xiaobao

ROOT = Path(xiaobao.__file__).parent
SAMPLES = ROOT / "data_samples"
COMPLAINTS = SAMPLES / "complaints.jsonl"
