"""Defaults, file, variables, call: each wins over the one before; mistakes are named."""

from __future__ import annotations

import pytest

from nbproof.core.errors import Invalid
from nbproof.core.settings import Settings, load_settings


def test_without_file_and_variables_there_are_defaults(tmp_path):
    assert load_settings(tmp_path, {}) == Settings()


def test_a_variable_wins_over_the_file_and_the_call_over_both(tmp_path):
    (tmp_path / "nbproof.toml").write_text("drain_seconds = 2\nserver_threads = 8\n")
    settings = load_settings(tmp_path, {"NBPROOF_DRAIN_SECONDS": "3"}, server_threads=2)
    assert (settings.drain_seconds, settings.server_threads) == (3.0, 2)


def test_malformed_toml_is_refused_with_file_and_line(tmp_path):
    (tmp_path / "nbproof.toml").write_text("format = 1\nexperiment = churn\n")
    with pytest.raises(Invalid, match=r"nbproof\.toml.*line 2") as caught:
        load_settings(tmp_path, {})
    assert caught.value.hint


def test_an_unknown_setting_is_refused_with_the_near_one(tmp_path):
    (tmp_path / "nbproof.toml").write_text("drain_second = 1\n")
    with pytest.raises(Invalid, match="drain_second") as caught:
        load_settings(tmp_path, {})
    assert "drain_seconds" in str(caught.value)


def test_a_value_out_of_range_names_where_it_stands():
    with pytest.raises(Invalid, match="NBPROOF_SERVER_THREADS") as caught:
        load_settings(None, {"NBPROOF_SERVER_THREADS": "0"})
    assert caught.value.details["field"] == "server_threads"


def test_variables_of_others_that_start_like_ours_are_left_alone():
    assert load_settings(None, {"NBPROOF_URL": "http://x", "NBPROOF_SOMETHING_ELSE": "1"}) == Settings()


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "nbproof.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Invalid, match="not valid TOML"):
        load_settings(tmp_path, {})


def test_a_place_for_content_is_an_address_with_options(tmp_path):
    (tmp_path / "nbproof.toml").write_text(
        'content = "s3://b/p"\n[content_options]\nendpoint_url = "http://x"\n'
    )
    settings = load_settings(tmp_path, {})
    assert (settings.content, settings.content_options) == ("s3://b/p", {"endpoint_url": "http://x"})
    assert load_settings(tmp_path, {"NBPROOF_CONTENT_OPTIONS": '{"anon": true}'}).content_options == {
        "anon": True
    }


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ('content = "/somewhere"', "content", "has to be an address"),
        ('content = "s3://user:password@b/p"', "content", "must not hold a user"),
        ('[content_options]\nsecret = "x"', "content_options", "AWS_SECRET_ACCESS_KEY"),
        ('[content_options]\nkey = "x"', "content_options", "must not be in the settings"),
        ('[content_options.client_kwargs]\naws_secret_access_key = "x"', "content_options", "aws_secret"),
    ],
)
def test_credentials_are_refused_in_the_settings(tmp_path, text, field, said):
    (tmp_path / "nbproof.toml").write_text(text)
    with pytest.raises(Invalid, match=said) as caught:
        load_settings(tmp_path, {})
    assert caught.value.details["field"].startswith(field)


def test_options_in_a_variable_are_json():
    with pytest.raises(Invalid, match="has to be a JSON object"):
        load_settings(None, {"NBPROOF_CONTENT_OPTIONS": "endpoint_url=x"})
