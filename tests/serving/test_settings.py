import pytest
from pydantic import ValidationError

from serving.settings import ServingSettings, SettingsError, read_settings


def test_the_service_listens_on_this_machine_only_by_default():
    assert read_settings().host == "127.0.0.1"


def test_a_variable_of_the_environment_sets_a_value(monkeypatch):
    monkeypatch.setenv("XIAOBAO_PORT", "9001")
    assert read_settings().port == 9001


def test_what_is_given_on_the_command_line_beats_the_environment(monkeypatch):
    monkeypatch.setenv("XIAOBAO_PORT", "9001")
    assert read_settings(port=9002).port == 9002


def test_an_option_not_given_leaves_the_environment_alone(monkeypatch):
    monkeypatch.setenv("XIAOBAO_HOST", "::1")
    assert read_settings(host=None).host == "::1"


def test_a_senseless_variable_is_named_without_its_value(monkeypatch):
    monkeypatch.setenv("XIAOBAO_MAX_BATCH", "9999")
    with pytest.raises(SettingsError, match="XIAOBAO_MAX_BATCH") as caught:
        read_settings()
    assert "9999" not in str(caught.value)


@pytest.mark.parametrize("name", ["DEADLINE_S", "STUCK_AFTER_S"])
@pytest.mark.parametrize("value", ["inf", "nan", "0", "86401"])
def test_a_wait_that_no_clock_has_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(f"XIAOBAO_{name}", value)
    with pytest.raises(SettingsError, match=f"XIAOBAO_{name}"):
        read_settings()


def test_a_batch_can_be_made_smaller_but_never_larger_than_the_api_says():
    assert ServingSettings(max_batch=10).max_batch == 10
    with pytest.raises(ValidationError):
        ServingSettings(max_batch=257)


@pytest.mark.parametrize("name", ServingSettings.model_fields)
def test_every_setting_says_what_it_does(name):
    assert len(ServingSettings.model_fields[name].description or "") > 10
