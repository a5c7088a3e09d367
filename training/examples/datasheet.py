"""The counts in `data_samples/DATASHEET.md`, written from the data so that they cannot drift.

Run by hand after a change of the corpus: `python -m training.examples.datasheet data_samples`.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.codebook import default_codebook
from models.taxonomy import default_taxonomy
from training.examples.checking import CheckReport, check
from training.examples.reading import Examples, load_examples

CORPUS = ("complaints.jsonl", "groups.jsonl")
_BEGIN, _END = "<!-- counts: begin -->", "<!-- counts: end -->"


def load_corpus(folder: Path, *, files: Sequence[str] = CORPUS) -> Examples:
    """Labelled files of a folder, checked against the shipped taxonomy and codebook."""
    taxonomy, codebook = default_taxonomy(), default_codebook()
    return load_examples(
        [folder / name for name in files],
        causes={cause.id for cause in taxonomy.causes},
        signs={sign.id for sign in codebook.signs},
        marks={mark.id for mark in codebook.marks},
        facets=taxonomy.facets,
    )


def counts_table(report: CheckReport) -> str:
    """Markdown: one row for each value counted, most frequent first, and the evidence spans."""
    return "\n".join(_table_lines(report))


def _table_lines(report: CheckReport) -> Iterator[str]:
    yield f"{report.records} records, {report.spans.count} evidence spans "
    yield f"(median {report.spans.median:g} characters, longest {report.spans.most}).\n"
    yield "| counted | value | records |\n|---|---|---:|"
    for name, pairs in report.counts.items():
        yield from (f"| {name} | {value} | {count} |" for value, count in pairs)


def with_counts(datasheet: str, table: str) -> str:
    """The datasheet with the table between its two marker comments."""
    before, _, rest = datasheet.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{table}\n{_END}{after}"


def main(folder: Path) -> None:
    """Rewrite the counts of the folder's datasheet."""
    sheet = folder / "DATASHEET.md"
    table = counts_table(check(load_corpus(folder)))
    sheet.write_text(with_counts(sheet.read_text("utf-8"), table), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
