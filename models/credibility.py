"""Credibility: labels that the text as a whole contradicts are not believed.

A network that is almost sure that no agent is behind a text has read a strong sign wrongly ("I have
engaged no agency"); one that takes the whole text for an agent's has not read a customer who
quotes an advert. Which labels are checked so, and at which probability, stands in the codebook.
So does which sign speaks of odd writing: a text that is written like any other cannot have it. And
what the network makes of another language than Chinese is no sign of anything.
"""

from dataclasses import replace

from models.codebook import Codebook
from models.decoding import Choice


def believed(
    choice: Choice, *, agent: float, codebook: Codebook, plain: bool = False, chinese: bool = True
) -> Choice:
    """The choice without what the text as a whole contradicts.

    agent: the probability that an agent is behind; plain: whether it is written like any other
    text; chinese: whether most of it is.
    """
    needed = {strength.id: strength.agent_from for strength in codebook.strengths}
    signs = [codebook.sign_of(id_) for id_ in choice.signs]
    marks = [codebook.mark_of(id_) for id_ in choice.marks]
    return replace(
        choice,
        signs=tuple(
            sign.id
            for sign in signs
            if chinese and agent >= needed[sign.strength] and not (plain and sign.odd_writing)
        ),
        marks=tuple(m.id for m in marks if m.agent_below is None or agent < m.agent_below),
    )
