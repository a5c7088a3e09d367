"""Credibility: labels that the text as a whole contradicts are not believed.

A network that is almost sure that no agent is behind a text has read a strong sign wrongly ("I have
engaged no agency"); one that takes the whole text for an agent's has not read a customer who
quotes an advert. Which labels are checked so, and at which probability, stands in the codebook.
"""

from dataclasses import replace

from models.codebook import Codebook
from models.decoding import Choice


def believed(choice: Choice, *, agent: float, codebook: Codebook) -> Choice:
    """The choice without what ``agent``, the probability that an agent is behind, contradicts."""
    needed = {strength.id: strength.agent_from for strength in codebook.strengths}
    signs = {sign.id for sign in codebook.signs if agent >= needed[sign.strength]}
    marks = {
        mark.id for mark in codebook.marks if mark.agent_below is None or agent < mark.agent_below
    }
    return replace(
        choice,
        signs=tuple(id_ for id_ in choice.signs if id_ in signs),
        marks=tuple(id_ for id_ in choice.marks if id_ in marks),
    )
