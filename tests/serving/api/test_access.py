"""The outermost layer: which ids of requests a log line may hold."""

import pytest

from serving.api.access import _is_plain


@pytest.mark.parametrize(
    "given",
    ["13812345678", "T-13812345678", "13812345678-2", "a13812345678b", "id.11010119900307001X",
     "11010119900307001Xy", "8613812345678", "+8613812345678", "008613812345678", "86-13812345678",
     "138-1234-5678", "138.1234.5678", "138_1234_5678", "138--1234--5678", "1-3-8-1-2-3-4-5-6-7-8",
     "86.138.1234.5678", "req-138-1234-5678-2", "case-7-138-1234-5678", "a86-138-1234-5678b",
     "110101-19900307-001X", "110101.1990.0307.0018", "id-110101_1990-03-07_001x"],
)  # fmt: skip
def test_an_id_in_which_a_persons_number_stands_is_not_logged(given):
    assert not _is_plain(given)


@pytest.mark.parametrize(
    "given",
    ["r-1", "20261128093015", "113812345678", "6f1c8a52-0d3e-4b7f-9a51-2c7d0e8f4b63",
     "20261128-00001234567", "req-20260305-000123", "2026-03-05T08-15-30.123", "case_7.retry-2",
     "12345678-1381-4234-9678-123456789012", "req-13812345-6780-4b7f-9a51-2c7d0e8f4b63",
     "13812345-678a-4b7f-9a51-2c7d0e8f4b63.2", "6F1C8A52-0D3E-4B7F-9A51-2C7D0E8F4B63",
     "6f1c8a520d3e4b7f9a512c7d0e8f4b63", "01JDSX9YV2K7Q3M8N4P5R6T7W8",
     "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7",
     "00-4bf92f3577b34da6a3ce929d0e0e1381-2345678a0ba902b7-01",
     "4bf92f3577b34da6a3ce929d0e0e1381-2345678a0ba902b7-1",
     "1-67459912-12bd862e3fe1be46a9942793", "1732780800123-42", "1732780800.123456",
     "V1StGXR8_Z5jdHi6B-myT", "cv37rs3pp9olc6atsr0g", "507f1f77bcf86cd799439011"],
)  # fmt: skip
def test_an_id_without_one_is_logged_as_it_came(given):
    assert _is_plain(given)
