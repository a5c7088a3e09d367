"""The outermost layer: which ids of requests a log line may hold."""

import pytest

from serving.api.access import _is_plain


@pytest.mark.parametrize(
    "given",
    ["13812345678", "T-13812345678", "13812345678-2", "a13812345678b", "id.11010119900307001X",
     "11010119900307001Xy"],
)  # fmt: skip
def test_an_id_in_which_a_persons_number_stands_is_not_logged(given):
    assert not _is_plain(given)


@pytest.mark.parametrize(
    "given",
    ["r-1", "20261128093015", "113812345678", "6f1c8a52-0d3e-4b7f-9a51-2c7d0e8f4b63",
     "20261128-00001234567"],
)  # fmt: skip
def test_an_id_without_one_is_logged_as_it_came(given):
    assert _is_plain(given)
