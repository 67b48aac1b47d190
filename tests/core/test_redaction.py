"""What is taken for a secret, and what is not."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbproof.core.ids import new_id
from nbproof.core.redaction import (
    REDACTED,
    redact_arguments,
    redact_text,
    redact_value,
    secret_name,
    without_credentials,
)

# Put together here, so that no scanner of repositories takes this file for a leak.
LONG = "0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T"
HEX = "0123456789abcdef" * 4
KEYS = {
    "AWS key id": "AK" + "IAIOSFODNN7EXAMPLE",
    "AWS session key id": "AS" + "IAIOSFODNN7EXAMPLE",
    "Google API key": "AI" + "za" + LONG[:35],
    "Google access token": "ya" + "29." + LONG,
    "Google client secret": "GOC" + "SPX-" + LONG[:28],
    "Azure client secret": "abc" + "8Q~" + LONG[:34],
    "GitHub token": "gh" + "p_" + LONG[:36],
    "GitHub server token": "gh" + "s_" + LONG[:36],
    "GitHub fine-grained token": "github" + "_pat_" + LONG + "_" + LONG,
    "GitLab token": "gl" + "pat-" + LONG[:20],
    "Hugging Face token": "h" + "f_" + LONG[:34],
    "OpenAI key": "s" + "k-" + LONG + "abcdefgh",
    "OpenAI project key": "s" + "k-proj-" + LONG + "-" + LONG,
    "Anthropic key": "s" + "k-ant-api03-" + LONG + "-" + LONG,
    "Groq key": "gs" + "k_" + LONG + LONG[:12],
    "Slack bot token": "xo" + "xb-123456789012-" + LONG[:24],
    "Slack app token": "xa" + "pp-1-A0123-" + LONG[:24],
    "Stripe live key": "sk" + "_live_" + LONG[:24],
    "Stripe restricted key": "rk" + "_test_" + LONG[:24],
    "JSON web token": "ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0." + LONG,
    "npm token": "np" + "m_" + LONG[:36],
    "PyPI token": "py" + "pi-AgEIcHlwaS5vcmc" + LONG,
    "Docker token": "dckr" + "_pat_" + LONG[:27],
    "Databricks token": "da" + "pi" + HEX[:32],
    "DigitalOcean token": "do" + "p_v1_" + HEX,
    "SendGrid key": "S" + "G." + LONG[:22] + "." + LONG,
    "Vault token": "hv" + "s." + LONG[:24],
    "Shopify token": "shp" + "at_" + HEX[:32],
}
# Text around a secret, the secret as {}.
PLACES = {
    "in an address": "postgresql://ann:{}@db.example/churn",
    "in an address with a path": "pip install git+https://oauth2:{}@host/a.git",
    "as a header": "Authorization: Bearer {}",
    "as a header of basic form": "authorization: Basic {}",
    "in a header's mapping": 'headers={{"Authorization": "token {}"}}',
    "after a flag": "train.py --password {} --epochs 3",
    "after a flag for a key": "train.py --api-key {}",
    "in a flag": "train.py --password={}",
    "after a flag for a token": "hf --token {}",
    "assigned": "password={}",
    "assigned in a shell": "export OPENAI_API_KEY={}",
    "assigned in code": 'client_secret = "{}"',
    "assigned in single quotes": "db_password = '{}'",
    "in JSON": '{{"user": "ann", "password": "{}", "port": 5432}}',
    "in YAML": "secret: {}",
    "in a settings table": 'settings["api_key"] = "{}"',
    "in a line of a diff": '+    "aws_secret_access_key": "{}",',
    "for curl": "curl -u ann:{} https://example.org",
    "in a signed address": "https://a.blob.core.windows.net/c/f?sv=2024&sig={}",
    "in a connection": "DefaultEndpointsProtocol=https;AccountKey={};x",
    "in the connection of a driver": "Server=db;Uid=ann;Pwd={};Encrypt=True",
    "in a variable of a program": "PGPASSWORD={} psql -h db",
    "in another one": "export MYSQL_PWD={}",
    "in a name in one word": "dbpassword = '{}'",
    "for our own server": "NBPROOF_TOKEN={} nbproof sync",
    "for Jupyter": "jupyter lab --IdentityProvider.token={}",
    "as the default of a variable": 'key = os.environ.get("OPENAI_API_KEY", "{}")',
    "set for a test": "monkeypatch.setenv('DB_PASSWORD', '{}')",
    "in XML": "<server><username>ann</username><password>{}</password></server>",
    "in a netrc": "machine api.example.org login ann password {}",
    "for sshpass": "sshpass -p {} ssh host",
    "for MySQL": "mysql -u root -p{} churn",
    "for MySQL alone": "mysqldump -p{} churn",
    "for wandb": "wandb login {}",
    "for curl in one word": "curl -s -uann:{} https://example.org",
}
HARMLESS = [
    "3f786850e387550fdab836ed7e6dc881de23001b",  # a commit
    "commit 3f786850e387550fdab836ed7e6dc881de23001b (HEAD -> main)",
    "index 83db48f..bf2a1c9 100644",
    "550e8400-e29b-41d4-a716-446655440000",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "/home/ann/projects/churn/data/2026-01-01/train.parquet",
    "s3://bucket/models/secret-garden/weights.bin",
    "https://github.com/ann/churn.git",
    "git@github.com:ann/churn.git",
    "https://host:8080/path?token_count=512",
    "token_count=512",
    "max_tokens=4096, tokenizer=bert-base-uncased",
    "pad_token='<pad>' eos_token=\"</s>\" bos_token: <s>",
    'key="value"',
    "primary_key = customer_id_2026_v2",
    'metrics["key"] = "val_accuracy"',
    "sk-learn-RandomForest-100-trees-depth-4",
    "task-classification-1234567890123456789012345",
    "def login(user: str, password: str) -> None:",
    "password = getpass.getpass()",
    'password = os.environ["DB_PASSWORD"]',
    "client = Client(api_key=args.api_key, token=self.token)",
    "token = tokenizer.encode(text)[0]",
    "token = next(stream)",
    "if token is None: raise ValueError('no token')",
    "API_KEY=${API_KEY} PASSWORD=$PASSWORD",
    'password: ""',
    "password=None",
    "the password is asked for, the token too",
    "bearer of bad news: the model got worse in 2026",
    "basic research",
    "passes=3 passthrough=True compass=north",
    "author=ann authors: Ann and Bob",
    "x" * 5000,
    "monkey=business donkey: kong",
    "layers.0.attention.key.weight: 768",
    "password_length=12 password_policy=strict",
    'columns = ["password", "email"]',
    'cache.get("tokens", "none")',
    "mkdir -p data && mysql -p churn",
    "python -u train.py --pattern a:b",
    "<token>the</token>",
    "wandb login is needed first",
]


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("place", ["{}", "see {} there", 'x = "{}"', "+{}", "a,{},b", "https://host/{}/x"])
def test_a_key_of_a_known_form_is_blanked_wherever_it_stands(kind, place):
    text = place.format(KEYS[kind])

    found, count = redact_text(text)

    assert KEYS[kind] not in found and REDACTED in found and count == 1


@pytest.mark.parametrize("place", PLACES)
def test_what_stands_beside_a_telling_name_is_blanked(place):
    secret = "q7Rk2mX9w4"
    if "sig=" in PLACES[place] or "AccountKey" in PLACES[place]:
        secret = LONG + "%3D%3D" if "sig=" in PLACES[place] else LONG + "=="
    if place == "for wandb":
        secret = HEX[:40]

    found, count = redact_text(PLACES[place].format(secret))

    assert found == PLACES[place].format(REDACTED) and count == 1


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_a_little_like_one_stays(text):
    assert redact_text(text) == (text, 0)


@pytest.mark.parametrize("text", HARMLESS)
def test_it_stays_as_the_value_of_a_param_too(text):
    assert redact_value("note", text) == (text, 0)


def test_ids_of_ours_stay_even_beside_a_name_that_may_mean_a_token_of_text():
    for _ in range(200):
        identifier = new_id()
        assert redact_text(f"resume={identifier} run {identifier[-6:]}").blanked == 0
        assert redact_value("parent", identifier).blanked == 0


@pytest.mark.parametrize(
    ("name", "kind"),
    {
        "password": "plain",
        "db.password": "plain",
        "dbPassword": "plain",
        "DB_PASSWORD": "plain",
        "api_key": "plain",
        "apiKey": "plain",
        "OPENAI_API_KEY": "plain",
        "OPENAI_API_KEY_2": "plain",
        "API_KEY_PROD": "plain",
        "aws_secret_access_key": "plain",
        "client-secret": "plain",
        "access_token": "plain",
        "passwd": "plain",
        "PGPASSWORD": "plain",
        "OPENAIAPIKEY": "plain",
        "db_pass": "plain",
        "MYSQL_PWD": "plain",
        "NBPROOF_TOKEN": "plain",
        "private_key": "plain",
        "token": "doubtful",
        "hf_token": "doubtful",
        "openai_key": "doubtful",
        "credentials": "doubtful",
        "pwd": "doubtful",
        "key": None,
        "keys": None,
        "sort_key": None,
        "max_tokens": None,
        "token_count": None,
        "tokenizer": None,
        "pad_token": None,
        "eos_token_id": None,
        "password_hash_rounds": None,
        "secretary": None,
        "monkey": None,
        "author": None,
        "lr": None,
        "": None,
        "3": None,
    }.items(),
)
def test_a_name_says_whether_its_value_is_a_secret(name, kind):
    assert secret_name(name) == kind


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("password", "hunter2", REDACTED),
        ("password", 1234, REDACTED),
        ("password", None, None),
        ("use_password", True, True),
        ("api_key", "", ""),
        ("api_key", "$API_KEY", "$API_KEY"),
        ("token", "the", "the"),
        ("token", "a1b2c3d4e5", REDACTED),
        ("token", "/run/secrets/token", "/run/secrets/token"),
        ("pwd", "/home/ann/work", "/home/ann/work"),
        ("credentials", "service-account.json", "service-account.json"),
        ("passwords", ["a"], ["a"]),
        ("secrets", ["first", "second"], [REDACTED, REDACTED]),
        ("db", {"user": "ann", "password": "x1"}, {"user": "ann", "password": REDACTED}),
        ("api_key", {"value": "abc"}, {"value": REDACTED}),
        ("password.main", "hunter2", REDACTED),
        ("password.length", 12, 12),
        ("tokens.first", "the", "the"),
        ("urls", ["https://a:b1@c/d"], [f"https://a:{REDACTED}@c/d"]),
        ("seed", 42, 42),
        ("rate", 0.1, 0.1),
    ],
)
def test_a_value_is_judged_by_its_name_and_its_form(name, value, left):
    found, count = redact_value(name, value)
    assert found == left and (count > 0) == (left != value)


def test_what_is_harmless_is_handed_back_itself():
    value = {"a": [1, "two"]}
    assert redact_value("layers", value).value is value


@pytest.mark.parametrize("prefix", ["", "+", "-", " ", "    ", "> ", ">> ", "# ", "+# ", "// ", " * "])
def test_a_private_key_is_blanked_line_by_line_in_a_diff_too(prefix):
    key = "\n".join(
        prefix + line
        for line in (
            "-----BEGIN RSA PRIVATE KEY-----",
            "Proc-Type: 4,ENCRYPTED",
            "",
            "MIIEowIBAAKCAQEA" + LONG[:48],
            "q7Rk2w==",
            "-----END RSA PRIVATE KEY-----",
        )
    )
    text = f"before = 1\n{key}\nafter = 2"

    found, count = redact_text(text)

    assert count == 1
    assert "MIIE" not in found and "q7Rk2w" not in found and "ENCRYPTED" not in found
    assert found.startswith("before = 1\n") and found.endswith("\nafter = 2")
    assert found.count("\n") == text.count("\n")


def test_a_shell_variable_is_given_a_value_not_a_name():
    assert redact_text("DB_PASSWORD=my_secret ./run").value == f"DB_PASSWORD={REDACTED} ./run"
    assert redact_text("connect(password=my_secret)").blanked == 0


def test_a_long_value_is_blanked_to_its_end():
    for name in ("password", "token"):
        assert redact_text(f"{name}={LONG * 500} rest").value == f"{name}={REDACTED} rest"


@pytest.mark.parametrize(("piece", "end"), [("a", "://"), ("aB3+", "://"), ("key=", ""), ("token=the-", "")])
def test_a_long_line_costs_no_more_than_its_length(piece, end):
    # Of a minified script, or of a figure within a notebook: were the cost its square, the limit of time that
    # holds for each test would end this one.
    text = piece * (400_000 // len(piece)) + end
    assert redact_text(text) == (text, 0)


def test_a_private_key_that_does_not_end_takes_nothing_else_with_it():
    text = "+-----BEGIN PRIVATE KEY-----\n+MIIE" + LONG + "\n diff_follows = f(1)\n more = 2"
    found, _ = redact_text(text)
    assert "MIIE" not in found and found.endswith("\n diff_follows = f(1)\n more = 2")


def test_a_private_key_within_one_line_is_blanked():
    text = '{"private": "-----BEGIN PRIVATE KEY-----\\nMIIE' + LONG + '\\n-----END PRIVATE KEY-----\\n"}'
    found, count = redact_text(text)
    assert LONG not in found and count == 1


def test_arguments_are_judged_word_by_word_and_quoted():
    words = ["train.py", "--password", "p w", "--token=abc", "-u", "ann:pw", "--max-tokens", "9", "--verbose"]
    assert redact_arguments(words) == (
        f"train.py --password '{REDACTED}' '--token={REDACTED}' -u 'ann:{REDACTED}' --max-tokens 9 --verbose",
        3,
    )


@pytest.mark.parametrize(
    ("given_", "left"),
    {
        "https://ann:q7Rk2@host/a.git": "https://host/a.git",
        "https://" + KEYS["GitHub token"] + "@github.com/a/b": "https://github.com/a/b",
        "ssh://git:pw@host:22/a": "ssh://git@host:22/a",
        "git@host:a/b.git": "git@host:a/b.git",
        "/srv/git/a.git": "/srv/git/a.git",
        "https://host/a?private_token=" + LONG: f"https://host/a?private_token={REDACTED}",
    }.items(),
)
def test_an_address_is_kept_without_its_credentials(given_, left):
    assert without_credentials(given_) == left


words = st.text(string.ascii_letters + string.digits + " _-=:,.(){}[]'\"\n+/@<>$%", max_size=200)


@given(words)
def test_blanking_twice_changes_nothing_more(text):
    once = redact_text(text).value
    assert redact_text(once) == (once, 0)


@given(words)
def test_lines_stay_lines(text):
    assert redact_text(text).value.count("\n") == text.count("\n")


@given(words, st.sampled_from(sorted(KEYS)), words)
def test_a_key_between_any_two_words_is_never_kept(before, kind, after):
    text = f"{before} {KEYS[kind]} {after}"
    assert KEYS[kind] not in redact_text(text).value


@given(st.text(max_size=300))
def test_any_text_has_an_answer(text):
    found, count = redact_text(text)
    assert count or found == text


@given(st.text(string.hexdigits, min_size=1, max_size=64))
def test_digits_of_hashes_stay(text):
    assert redact_text(text).blanked == 0 or re.search("dapi|SK", text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
        max_leaves=10,
    )
)
def test_plain_values_keep_their_shape(value):
    found, count = redact_value("config", value)
    assert count or found == value
    assert type(found) is type(value) or count
