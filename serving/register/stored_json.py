"""JSON as columns hold it: as short as it gets, Chinese as it is written."""

import json
from typing import Any


def dumped(value: Any) -> str:
    """The value as a column holds it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
