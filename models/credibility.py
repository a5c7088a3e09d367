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
    signs = [codebook.sign_of(id_) for id_ in choice.signs]
    marks = [codebook.mark_of(id_) for id_ in choice.marks]
    return replace(
        choice,
        signs=tuple(sign.id for sign in signs if agent >= needed[sign.strength]),
        marks=tuple(m.id for m in marks if m.agent_below is None or agent < m.agent_below),
    )
