"""All pages of the site: those that people wrote and those written from the code. Knows no tool."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handbook.codebook_page import codebook_page
from handbook.command_line import command_line_page
from handbook.figures_page import figures_page
from handbook.http_page import http_page
from handbook.labels_page import labels_page
from handbook.metrics_page import metrics_page
from handbook.problems_page import problems_page
from handbook.settings_page import settings_page
from handbook.taxonomy_page import taxonomy_page
from models.analyzer import load_analyzer
from models.codebook import default_codebook
from models.labels import label_space
from models.taxonomy import default_taxonomy
from serving.api.service import service_of
from serving.app import create_app
from serving.settings import read_settings

DOCS = "docs"
PARTS = ("test", "development")  # of the data, each with a report of the embedded bundle
OUTSIDE = {
    "ARCHITECTURE.md": "more/architecture.md",
    "CONTRIBUTING.md": "more/contributing.md",
    "CHANGELOG.md": "more/changelog.md",
    "SECURITY.md": "more/security.md",
    "notebooks/README.md": "more/notebooks.md",
    "benchmarks/README.md": "more/benchmarks.md",
    "data_samples/DATASHEET.md": "model/datasheet.md",
    "models/embedded/bundle/card.md": "model/card.md",
    "models/embedded/encoder/README.md": "model/encoder.md",
}
"""Pages that stand elsewhere in the repository, and where the site shows them."""


@dataclass(frozen=True, slots=True)
class Page:
    """``path`` is its place in the site, ``origin`` the place its links are meant from."""

    path: str
    origin: str
    text: str


def written_pages(root: Path) -> Iterator[Page]:
    """What people wrote (or a command did, elsewhere): ``docs/`` and the files of OUTSIDE."""
    for file in sorted((root / DOCS).rglob("*.md")):
        origin = file.relative_to(root).as_posix()
        yield Page(origin.removeprefix(f"{DOCS}/"), origin, file.read_text("utf-8"))
    for origin, path in OUTSIDE.items():
        yield Page(path, origin, (root / origin).read_text("utf-8"))


def generated_pages(root: Path) -> Iterator[Page]:
    """What the code says of itself; the same code and bundle give the same pages."""
    taxonomy, codebook, analyzer = default_taxonomy(), default_codebook(), load_analyzer(None)
    app = create_app(analyzer, read_settings())
    reports = {part: json.loads(_report(root, part).read_text("utf-8")) for part in PARTS}
    labels = label_space(taxonomy, codebook)
    texts = {
        "reference/cli.md": command_line_page(),
        "reference/settings.md": settings_page(),
        "reference/http.md": http_page(app.openapi()),
        "reference/errors.md": problems_page(),
        "reference/metrics.md": metrics_page(service_of(app).metrics.page()),
        "reference/causes.md": taxonomy_page(taxonomy),
        "reference/signs.md": codebook_page(codebook),
        "reference/labels.md": labels_page(labels, analyzer.description),
        "model/figures.md": figures_page(reports),
    }
    for path, text in texts.items():
        yield Page(path, f"{DOCS}/{path}", text)


def _report(root: Path, part: str) -> Path:
    return root / DOCS / "figures" / part / "report.json"
