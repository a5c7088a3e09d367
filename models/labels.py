"""The label space: which output of the network means what. Knows nothing about tensors.

The order of the ids is the order of the outputs and travels in the bundle, so that a taxonomy
whose rows were moved still reads an older network rightly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.codebook import Codebook
from models.errors import XiaobaoError
from models.record import GENRES
from models.taxonomy import RootCauseTaxonomy, default_taxonomy

# What a record without the field means: its facet must have the word.
UNSAID = {"record_type": "complaint", "complainant_role": "unknown"}
# Which facet of the taxonomy names the values of which field of a record.
FACET_FIELDS: Mapping[str, str] = {
    "genre": "text_genre",
    "source": "source",
    "channel": "channel",
    "product": "product",
    "role": "complainant_role",
    "record_type": "record_type",
    "demand": "demand",
}
KINDS = ("causes", "signs", "marks")  # of labels that are proved by words, in output order


class LabelSpaceError(XiaobaoError):
    """A label space that does not fit its taxonomy or codebook."""


@dataclass(frozen=True, slots=True)
class LabelSpace:
    """Ids in output order, one tuple a head.

    ``causes`` are leaves and technical causes; ``demand`` may hold several at once, the other
    facets exactly one.
    """

    causes: tuple[str, ...]
    signs: tuple[str, ...]
    marks: tuple[str, ...]
    demand: tuple[str, ...]
    record_type: tuple[str, ...]
    role: tuple[str, ...]
    genre: tuple[str, ...]

    @property
    def evidence(self) -> tuple[str, ...]:
        """Labels that are proved by words: the columns of the token head and of ``labels``."""
        return self.causes + self.signs + self.marks

    def kind_of(self, label: str) -> str:
        """``causes``, ``signs`` or ``marks``. Raises KeyError for an id of none of them."""
        for kind in KINDS:
            if label in getattr(self, kind):
                return kind
        raise KeyError(label)

    def as_json(self) -> dict[str, list[str]]:
        """The lists that ``network.json`` holds."""
        return {name: list(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, lists: Mapping[str, Sequence[str]]) -> "LabelSpace":
        """The space that ``as_json`` wrote; raises LabelSpaceError on a missing list."""
        missing = [name for name in cls.__dataclass_fields__ if name not in lists]
        if missing:
            raise LabelSpaceError(f"network.json: labels lack {', '.join(missing)}")
        return cls(**{name: tuple(lists[name]) for name in cls.__dataclass_fields__})

    def check_known(self, taxonomy: RootCauseTaxonomy, codebook: Codebook) -> None:
        """Raises LabelSpaceError where an id to be shown has no entry that names it."""
        known = {*taxonomy.leaves, *(sign.id for sign in codebook.signs)}
        known |= {mark.id for mark in codebook.marks}
        unknown = [id_ for id_ in self.evidence if id_ not in known]
        if unknown:
            raise LabelSpaceError(f"network.json: {unknown[0]} found, an id of the taxonomy wanted")


def label_space(taxonomy: RootCauseTaxonomy, codebook: Codebook) -> LabelSpace:
    """The space of a new network for this taxonomy and codebook."""
    facets = facets_of(taxonomy)
    for name, word in {"demand": "", **UNSAID}.items():
        if not facets[name] or (word and word not in facets[name]):
            found = ", ".join(facets[name]) or "nothing"
            wanted = f"values with {word} among them" if word else "at least one value"
            where = f"taxonomy {taxonomy.version}: facets: {name}"
            raise LabelSpaceError(f"{where}: found {found}, wanted {wanted}")
    if foreign := [genre for genre in facets.get("text_genre", ()) if genre not in GENRES]:
        where = f"taxonomy {taxonomy.version}: facets: text_genre"
        wanted = f"none, or some of {', '.join(GENRES)}"
        raise LabelSpaceError(f"{where}: found {foreign[0]}, wanted {wanted}")
    return LabelSpace(
        causes=tuple(cause.id for cause in taxonomy.causes),
        signs=tuple(sign.id for sign in codebook.signs),
        marks=tuple(mark.id for mark in codebook.marks),
        demand=tuple(facets["demand"]),
        record_type=tuple(facets["record_type"]),
        role=tuple(facets["complainant_role"]),
        genre=GENRES,
    )


def facets_of(taxonomy: RootCauseTaxonomy) -> Mapping[str, tuple[str, ...]]:
    """The taxonomy's facets; those that an own table leaves unsaid are ours."""
    return {**default_taxonomy().facets, **taxonomy.facets}


def field_values(taxonomy: RootCauseTaxonomy) -> Mapping[str, tuple[str, ...]]:
    """The values that each field of FACET_FIELDS may have."""
    facets = facets_of(taxonomy)
    return {field: facets[facet] for field, facet in FACET_FIELDS.items()}
