"""``python -m handbook [OUT]``: build the site into OUT, by default ``site``."""

import sys
from pathlib import Path

from handbook.building import build
from models.errors import XiaobaoError

ROOT = Path(__file__).resolve().parents[1]


# A browser lets no page that was opened as a file read the index.
_HINT = "要用搜索 to search: python -m http.server --bind 127.0.0.1 --directory {out}\n"


def main(words: list[str]) -> int:
    """Exit code: 0 done, 2 the site cannot be built; one line says why."""
    out = Path(words[0]) if words else ROOT / "site"
    try:
        pages = build(ROOT, out=out)
    except XiaobaoError as error:
        sys.stderr.write(f"handbook: {error}\n")
        return 2
    sys.stdout.write(f"{out}: {pages} 页 pages\n{_HINT.format(out=out)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
