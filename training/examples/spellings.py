"""Proposes disguises for the table of spellings: rare characters that sound like the lexicon's.

    python -m training.examples.spellings

Prints what the table does not hold yet, character by character, for a person to choose from: a
character that ordinary words need must not stand there. Sound is that of pypinyin without tone.
"""

import sys

from models.spellings import Spellings, default_spellings
from training.examples.noise import common_characters, sound_of

HAN = range(0x4E00, 0xA000)


def proposals(spellings: Spellings) -> dict[str, tuple[str, ...]]:
    """For each character of the lexicon, rare characters of its sound that are not listed."""
    common = set(common_characters())
    sounding: dict[str, list[str]] = {}
    for char in map(chr, HAN):
        if char not in common:
            sounding.setdefault(sound_of(char), []).append(char)
    return {
        char: tuple(each for each in sounding.get(sound_of(char), []) if each not in own)
        for char, own in spellings.forms.items()
    }


if __name__ == "__main__":
    for char, found in proposals(default_spellings()).items():
        sys.stdout.write(f"{char} {''.join(found)}\n")
