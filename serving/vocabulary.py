"""The vocabulary: Chinese names of everything that has an id, for pages and reports. No HTTP.

Names of causes, signs, marks and levels come from the bundle in use; an id that it does not have
(a case answered by an earlier bundle) is shown as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

from models.analyzer import Analyzer
from models.causes import path_of
from models.codebook import Codebook, Level, default_codebook
from models.strict_yaml import read_entry, read_text
from models.taxonomy import Cause, Parent, RootCauseTaxonomy, TaxonomyError, default_taxonomy

_WORDS = files("serving") / "words.yaml"


@dataclass(frozen=True)
class Vocabulary:
    """Names for a taxonomy, a codebook and the fixed words of intake."""

    taxonomy: RootCauseTaxonomy
    codebook: Codebook
    words: Mapping[str, Mapping[str, str]]

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The name of every cause, level-1 cause, sign and mark."""
        book = self.codebook
        names = self.taxonomy.names | {sign.id: sign.zh for sign in book.signs}
        return names | {mark.id: mark.zh for mark in book.marks}

    @cached_property
    def levels(self) -> Mapping[str, Level]:
        """Levels by id, lowest first."""
        return {level.id: level for level in self.codebook.levels}

    def name(self, id_: str) -> str:
        """The name of a label, or its id where the bundle in use has no such label."""
        return self.names.get(id_, id_)

    def level(self, id_: str) -> str:
        """The name of a level, or its id."""
        return self.levels[id_].zh if id_ in self.levels else id_

    @cached_property
    def routes(self) -> Mapping[str, str]:
        """Names of routes, most urgent first: where a case goes instead of getting a level."""
        return {one.id: one.zh for one in self.codebook.routes}

    def route(self, id_: str) -> str:
        """The name of a route, or its id."""
        return self.routes.get(id_, id_)

    def word(self, kind: str, value: str | None) -> str:
        """The Chinese word for a value of this kind, the value itself where there is none."""
        return "—" if value is None else self.words[kind].get(value, value)

    def badge(self, kind: str) -> str:
        """What a kind of group means in a word."""
        badges = self.words["group_badge"]
        return badges.get(kind, badges["other"])

    def strength(self, id_: str) -> str:
        """The name of a sign's strength."""
        return {one.id: one.zh for one in self.codebook.strengths}.get(id_, id_)

    @cached_property
    def paths(self) -> Mapping[str, tuple[str, ...]]:
        """Ids from level 1 down to each cause, itself the last."""
        return {cause.id: path_of(cause) for cause in self.taxonomy.causes}

    def path(self, cause_id: str) -> tuple[str, ...]:
        """The names from level 1 down to a cause; of one that is not known what its id shows."""
        known = self.paths.get(cause_id)
        branch = cause_id.partition(".")[0]
        return tuple(self.name(id_) for id_ in known or dict.fromkeys((branch, cause_id)))

    @cached_property
    def branches(self) -> tuple[tuple[Parent, tuple[Cause, ...]], ...]:
        """Level-1 causes with their leaves, in order."""
        causes = self.taxonomy.causes
        return tuple(
            (parent, tuple(cause for cause in causes if cause.parent == parent.id))
            for parent in self.taxonomy.parents
        )


def vocabulary_of(analyzer: object) -> Vocabulary:
    """The vocabulary of an analyzer's bundle; of the package where it has none."""
    if isinstance(analyzer, Analyzer):
        return Vocabulary(analyzer.bundle.taxonomy, analyzer.bundle.codebook, read_words())
    return default_vocabulary()


@cache
def default_vocabulary() -> Vocabulary:
    """The vocabulary of the taxonomy and codebook that come with the package."""
    return Vocabulary(default_taxonomy(), default_codebook(), read_words())


@cache
def read_words() -> Mapping[str, Mapping[str, str]]:
    """The fixed words by kind. Raises TaxonomyError for a broken file."""
    top = read_entry(read_text(_WORDS, error=TaxonomyError), name=_WORDS.name, error=TaxonomyError)
    return {kind: top.text_map(kind) for kind in top.fields}
