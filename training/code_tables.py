"""What labels mean: the taxonomy and codebook that a command was given, else ours."""

from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from models.codebook import AGENT_SIGNS, Codebook, load_codebook
from models.taxonomy import ROOT_CAUSES, RootCauseTaxonomy, load_taxonomy


@dataclass(frozen=True, slots=True)
class CodeTables:
    """The two files, as they are: a bundle gets copies of them."""

    taxonomy: Traversable | Path
    codebook: Traversable | Path

    def read(self) -> tuple[RootCauseTaxonomy, Codebook]:
        """The taxonomy and the codebook in the files."""
        return load_taxonomy(self.taxonomy), load_codebook(self.codebook)


def code_tables(taxonomy: Path | None, codebook: Path | None) -> CodeTables:
    """The files of --taxonomy and --codebook."""
    return CodeTables(taxonomy or ROOT_CAUSES, codebook or AGENT_SIGNS)
