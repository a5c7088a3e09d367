"""Checksums of numbers that people carry: resident identity numbers and bank cards."""

import re

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def is_id_number(digits: str) -> bool:
    """Whether 18 characters are a resident identity number by the checksum of GB 11643."""
    if not re.fullmatch(r"[1-9]\d{16}[\dXx]", digits):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _ID_WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == digits[-1].upper()


def is_card_number(digits: str) -> bool:
    """Whether 16-19 digits are a bank card number by Luhn's checksum."""
    if not re.fullmatch(r"[1-9]\d{15,18}", digits):
        return False
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0
