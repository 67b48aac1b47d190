"""Secrets taken out of what is about to be kept: the one place that says what a secret looks like.

Two signs give a secret away.  Its own form (a key of a known service, a private key, a password inside an
address) is enough wherever it stands.  Otherwise its name is: ``password``, ``api_key``, ``token``; there are
two kinds of names.  What stands beside a plain one is always blanked; beside a doubtful one (``token``,
``auth``, ``service_key``), only what looks random.  High entropy alone is no sign: commits, hashes of data
and ids have it.

A blanked value becomes `REDACTED`.  Environment variables need no rule: they are never read in order to be
kept.

Standard library only, and quick for ordinary values: this is on the way of every ``log_param``.

Examples
--------
>>> redact_text("fit --epochs 3 --password hunter2")
Redaction(value='fit --epochs 3 --password [redacted]', blanked=1)
>>> redact_text("postgresql://ann:hunter2@db/churn").value
'postgresql://ann:[redacted]@db/churn'
>>> redact_value("model", {"name": "xgb", "api_key": "q7Rk2"})
Redaction(value={'name': 'xgb', 'api_key': '[redacted]'}, blanked=1)
>>> redact_value("max_tokens", 512)
Redaction(value=512, blanked=0)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

__all__ = [
    "REDACTED",
    "Redaction",
    "redact_arguments",
    "redact_lines",
    "redact_text",
    "redact_value",
    "secret_name",
    "without_credentials",
]

REDACTED = "[redacted]"


class Redaction(NamedTuple):
    """What is left, and how many secrets were taken out."""

    value: Any
    blanked: int


# -- by form ----------------------------------------------------------------------------------------

# Longest first where one begins like another.  Each is anchored at the start of a word, so that no part of a
# longer random text is taken for a key.
_FORMS = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    + "|".join(
        (
            r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",  # AWS: id of an access key
            r"AIza[\w-]{35}",  # Google: API key
            r"ya29\.[\w-]{20,}",  # Google: access token
            r"1//0[\w-]{30,}",  # Google: refresh token
            r"GOCSPX-[\w-]{20,}",  # Google: client secret
            r"[\w~.-]{3}[78]Q~[\w~.-]{31,34}",  # Azure: client secret
            r"gh[opusr]_[A-Za-z0-9]{30,}",  # GitHub
            r"github_pat_\w{22,}",
            r"gl(?:pat|ptt|dt|rt|rtr|cbt|ft|ffct|soat|agent|oas|imt|wt)-[\w.-]{16,}",  # GitLab
            r"hf_[A-Za-z0-9]{30,}",  # Hugging Face
            r"api_org_[A-Za-z]{30,}",
            r"sk-(?:proj|svcacct|admin|None|ant|or|lf)-[\w-]{16,}",  # OpenAI, Anthropic, OpenRouter, Langfuse
            r"sk-(?=[a-zA-Z]*[0-9])[A-Za-z0-9]{32,}",
            r"gsk_[A-Za-z0-9]{40,}",  # Groq
            r"r8_[A-Za-z0-9]{30,}",  # Replicate
            r"pplx-[A-Za-z0-9]{32,}",  # Perplexity
            r"nvapi-[\w-]{40,}",  # NVIDIA
            r"dapi[0-9a-f]{32}(?![0-9a-f])",  # Databricks
            r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}",  # Slack
            r"xapp-[0-9]-[A-Za-z0-9-]{10,}",
            r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
            r"whsec_[A-Za-z0-9+/]{20,}",
            r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*",  # JSON web token
            r"npm_[A-Za-z0-9]{36}",
            r"pypi-AgE[\w-]{40,}",
            r"dckr_[op]at_[\w-]{20,}",
            r"do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
            r"SG\.[\w-]{16,32}\.[\w-]{16,64}",  # SendGrid
            r"SK[0-9a-f]{32}(?![0-9a-f])",  # Twilio
            r"hv[sbr]\.[\w-]{20,}",  # HashiCorp Vault
            r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
            r"lin_api_[A-Za-z0-9]{40}",  # Linear
            r"ntn_[A-Za-z0-9]{40,}",  # Notion
            r"[0-9]{8,10}:AA[\w-]{33}(?![\w-])",  # Telegram
            r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
        )
    )
    + ")"
)
_WEBHOOK = re.compile(
    r"(hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/)[\w/-]+"
)
# The password may hold an @, so the last one before the path ends it.  The scheme has an end, or a long word
# would be looked through again from each of its letters.
_IN_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)([^\s/@:'\"<>]*):([^\s/'\"<>]+)@")
_USER_IN_ADDRESS = re.compile(r"(https?://)[^\s/@:'\"<>]{20,}@")
_SIGNED = re.compile(
    r"([?&;](?:sig|signature|x-amz-signature|x-amz-credential|x-amz-security-token|x-goog-signature)=)"
    r"[^\s&;'\"]{8,}",
    re.IGNORECASE,
)
_CONNECTION = re.compile(r"((?:Account|SharedAccess)Key\s*=\s*)[A-Za-z0-9+/=]{20,}", re.IGNORECASE)
_CONNECTION_PASSWORD = re.compile(r"(;\s*pwd\s*=\s*)(?!\[redacted\])[^\s;'\"]+", re.IGNORECASE)
_NETRC = re.compile(r"(\blogin\s+\S+\s+password\s+)(?!\[redacted\])\S+")
_COMMAND_FLAG = re.compile(
    r"(\bwandb\s+login\s+(?:--\w+\s+)*(?=[0-9a-f]{40}\b)|\bsshpass\s+-p\s*"
    r"|\b(?:mysql|mariadb)[\w-]{0,20}\s[^|;&]{0,200}?(?<=\s)-p|\bcurl\s[^|;&]{0,200}?(?<=\s)-u[^\s:-]+:)"
    r"(?!\[redacted\])[^\s|;&]+"
)
_HEADER = re.compile(
    r"(\bauthorization\b[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token|digest|apikey|aws4-hmac-sha256)\s+)?)"
    r"(?!\[redacted\]|(?:bearer|basic|token|digest|apikey)\b)([^\s\"',}]{4,})",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(\b(?:bearer|basic)\s+)(?=[^\s\"']*[0-9])([A-Za-z0-9._~+/=-]{16,})", re.IGNORECASE)

# -- by name ----------------------------------------------------------------------------------------

_PLAIN = frozenset(
    "password passwd passphrase passcode secret secrets apikey apisecret accesskey secretkey privatekey "
    "clientsecret apitoken authtoken accesstoken refreshtoken bearertoken".split()
)
# Names that were written in one word: ``PGPASSWORD``.
_PLAIN_ENDINGS = ("password", "passwd", "passphrase", "apikey", "secretkey")
_DOUBTFUL = frozenset(
    "token pwd pass auth authorization credential credentials cookie jwt sas dsn pat".split()
)
# What makes a word ``key`` the name of a secret: plain, and doubtful.
_PLAIN_KEYS = frozenset("api access secret private".split())
_DOUBTFUL_KEYS = frozenset(
    "account shared encryption signing auth storage subscription service app application client ssh rsa aes "
    "master deploy consumer function openai anthropic aws azure gcp google hf wandb stripe mistral cohere "
    "groq license hmac kaggle session bearer".split()
)
_PLAIN_TOKENS = frozenset(
    "api auth access refresh bearer oauth personal security session nbproof app provider".split()
)
# Tokens of language models: ``pad_token="<pad>"``.
_TEXT_TOKENS = frozenset(
    "pad eos bos unk mask sep cls special start end stop next first last prefix suffix image audio video "
    "text word sub begin eot added additional new newline blank oov per by".split()
)
_WHOSE_PASSWORD = frozenset("db user smtp admin root login mysql".split())
_LAST_WORDS = frozenset("value text string str raw base64 b64 prod dev test staging env default".split())
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")

Kind = Literal["plain", "doubtful"]


@lru_cache(maxsize=4096)
def secret_name(name: str) -> Kind | None:
    """Whether a name says that its value is a secret: surely (``plain``), perhaps (``doubtful``), or not.

    Examples
    --------
    >>> [secret_name(name) for name in ("db.password", "OPENAI_API_KEY", "hfToken", "max_tokens", "key")]
    ['plain', 'plain', 'doubtful', None, None]
    """
    words = _words_of(name)
    return _kind_of(words) or ("plain" if words and words[-1].endswith(_PLAIN_ENDINGS) else None)


def _words_of(name: str) -> list[str]:
    words = [word.lower() for word in _WORDS.findall(name[-200:])]
    while words and (words[-1].isdigit() or words[-1] in _LAST_WORDS):
        words.pop()
    return words


def _kind_of(words: list[str]) -> Kind | None:
    if not words:
        return None
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _PLAIN:
        return "plain"
    if last == "key":
        return "plain" if before in _PLAIN_KEYS else "doubtful" if before in _DOUBTFUL_KEYS else None
    if last == "token":
        if before in _TEXT_TOKENS:
            return None
        return "plain" if before in _PLAIN_TOKENS else "doubtful"
    if last in ("pass", "pwd") and before in _WHOSE_PASSWORD:
        return "plain"
    if last == "pass" and before:
        return None
    return "doubtful" if last in _DOUBTFUL else None


_PLACEHOLDER = re.compile(
    r"""(?ix) \s* (?: | none | null | nil | true | false | undefined | yes | no | \*+ | [x•]{3,} | \.{3}
    | \[redacted\] | <.*> | \{.*\} | \$\w+ | \$[({].* | %\w+% | os\.environ.* | env\.\w+ | secrets?\.\w+
    | your[-_ ].* ) \s*"""
)
_PATH = re.compile(
    r"(?:~|\.{1,2})?/(?:[^/\0\n]+/)*[^/\0\n]*|[A-Za-z]:[\\/].*|[\w.-]+(?:/[\w.-]+)+|[\w-]+\.\w{1,5}"
)


def _is_secret(kind: Kind, value: str) -> bool:
    """Whether the text beside a name of this kind is one."""
    if _PLACEHOLDER.fullmatch(value):
        return False
    return kind == "plain" or _looks_random(value)


def _looks_random(value: str) -> bool:
    """Eight characters or more without a space, and not a word, a number, or a path."""
    if len(value) < 8 or any(sign.isspace() for sign in value) or _PATH.fullmatch(value):
        return False
    letters = sum(sign.isalpha() for sign in value)
    digits = sum(sign.isdigit() for sign in value)
    if not letters or letters + digits < len(value) * 0.6:
        return False
    return digits >= 2 or (len(value) >= 20 and value != value.lower() and value != value.upper())


# -- names within text ------------------------------------------------------------------------------

_NAME = r"[A-Za-z_][\w.-]{0,100}"
_QUOTED = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
_SECRET_WORD = r"(?i:pass|pwd|secret|token|key|auth|cred|cookie|jwt|sas|dsn|pat)"
_ASSIGNED = re.compile(
    rf"(?<!\w)(?=[\w.-]{{0,100}}?{_SECRET_WORD})(?P<name>{_NAME})(?P<between>\\?[\"']?\]?\s*(?::=|=>|==|!=|=|:)\s*)"
)
# What is assigned; of bare text only as much as it takes to judge it.
_VALUE = re.compile(
    rf"[rbfuRBFU]{{0,2}}(?P<quoted>{_QUOTED})"
    rf"|\\?[\"']?(?P<bare>[^\s\"'(),;&\[\]{{}}<>\\]{{1,1000}})(?P<after>[(\[{{.]?)"
)
_REST = re.compile(r"[^\s\"'(),;&\[\]{}<>\\]*")
# ``os.environ.get("API_KEY", "...")``, ``<password>...</password>``
_BESIDE = re.compile(
    rf"(?:\b(?:setdefault|setenv|putenv|getenv|get|pop)\(\s*[\"'](?P<key>{_NAME})[\"']\s*,\s*"
    rf"[\"'](?P<default>[^\"'\n]+)[\"']|<(?P<tag>{_NAME})>(?P<content>[^<>\n]+)</)"
)
_FLAG = re.compile(
    rf"(?<![\w-])(--?)(?P<name>[A-Za-z][\w-]{{1,60}})(?P<between>\s+)(?P<value>{_QUOTED}|[^\s-]\S*)"
)
_USER_FLAG = re.compile(r"(?<![\w-])((?:-u|--user|--proxy-user)[ =]+[\"']?[^\s:\"']+:)([^\s\"']+)")
_CODE = re.compile(
    r"(?:str|bytes|int|float|bool|object|any|optional|string|text|varchar|char)\b.*", re.IGNORECASE
)

# Most values have none of these, and are done with after two looks.  Literals only, so that a look is a walk
# over first letters; the second is at the text in lower case.
_FORM_HINT = re.compile(
    r"AKIA|ASIA|ABIA|ACCA|AIza|ya29|1//0|GOCSPX|7Q~|8Q~|gho_|ghp_|ghu_|ghs_|ghr_|github_pat|gl[a-z]{2,5}-|hf_|"
    r"api_org|sk-|gsk_|r8_|pplx-|nvapi|dapi|xox|xapp|sk_|rk_|whsec|eyJ|npm_|pypi-|dckr_|_v1_|SG\.|SK[0-9a-f]|"
    r"hvs\.|hvb\.|hvr\.|shp|lin_api|ntn_|:AA|AGE-|-----BEGIN|://|hooks\.slack|api/webhooks"
)
_NAME_HINT = re.compile(
    r"pass|pwd|secret|token|key|auth|cred|cookie|jwt|sas|dsn|pat|bearer|basic|sig=|signature=|-u |-u=|--user|"
    r"mysql|mariadb|curl|wandb"
)
_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")
_WHOLE_KEY = re.compile(
    r"(-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)(.+?)"
    r"(-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|$)"
)
_KEY_LINE = re.compile(
    r"(?P<mark>[+\- ]?(?:\s*(?:>|\#|//|\*))*\s*[\"']?)"
    r"(?:[A-Za-z0-9+/=]+(?:\\n|\\r)*|(?:Proc-Type|DEK-Info|Comment|Version):.*)?"
    r"[\"']?[,+\\ ]*\r?"
)
_END = re.compile(r"-----END (?:[A-Z0-9]+ )*PRIVATE KEY")


def redact_text(text: str) -> Redaction:
    """Text with the secrets in it blanked; the rest of it, and its lines, stay as they are.

    Parameters
    ----------
    text : str
        Anything: a note, a command line, a diff, a config file.
    """
    if _FORM_HINT.search(text) is None and _NAME_HINT.search(text.lower()) is None:
        return Redaction(text, 0)
    if "\n" not in text:
        found, count = _redact_line(text)
        return Redaction(found, count) if count else Redaction(text, 0)
    total = 0
    lines = []
    for line, count in redact_lines(text.split("\n")):
        lines.append(line)
        total += count
    return Redaction("\n".join(lines), total) if total else Redaction(text, 0)


def redact_lines(lines: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Each line with its secrets blanked, and how many; private keys span lines, of a diff too."""
    within_key = False
    for line in lines:
        if within_key:
            if _END.search(line) is None and (found := _KEY_LINE.fullmatch(line)):
                mark = found["mark"]
                yield (mark + REDACTED if len(line.strip()) > len(mark.strip()) else line), 0
                continue
            within_key = False
        if _FORM_HINT.search(line) is None and _NAME_HINT.search(line.lower()) is None:
            yield line, 0
            continue
        begin = _BEGIN.search(line)
        if begin is not None and not line[begin.end() :].strip(" \r\"'\\n,+"):
            within_key = True
            yield line, 1
            continue
        yield _redact_line(line)


def _redact_line(line: str) -> tuple[str, int]:
    count = 0

    def blanked(pattern: re.Pattern[str], by: str, text: str) -> str:
        nonlocal count
        found, times = pattern.subn(by, text)
        count += times
        return found

    def flagged(match: re.Match[str]) -> str:
        nonlocal count
        value = match["value"]
        bare = value[1:-1] if value[0] in "\"'" else value
        if secret_name(match["name"]) is None or _PLACEHOLDER.fullmatch(bare) or _is_code(bare):
            return match[0]
        count += 1
        return f"{match[1]}{match['name']}{match['between']}{REDACTED}"

    def beside(match: re.Match[str]) -> str:
        nonlocal count
        part = "default" if match["key"] else "content"
        kind, value = secret_name(match["key"] or match["tag"]), match[part]
        if kind is None or not _is_secret(kind, value):
            return match[0]
        count += 1
        start, end = match.span(part)
        return f"{match[0][: start - match.start()]}{REDACTED}{match[0][end - match.start() :]}"

    def in_address(match: re.Match[str]) -> str:
        nonlocal count
        if _PLACEHOLDER.fullmatch(match[3]):
            return match[0]
        count += 1
        return f"{match[1]}{match[2]}:{REDACTED}@"

    if "-----BEGIN" in line:
        line = blanked(_WHOLE_KEY, rf"\1{REDACTED}\3", line)
    line = blanked(_FORMS, REDACTED, line)
    if "://" in line:
        line = _IN_ADDRESS.sub(in_address, line)
        line = blanked(_USER_IN_ADDRESS, rf"\1{REDACTED}@", line)
    line = blanked(_WEBHOOK, rf"\1{REDACTED}", line)
    line = blanked(_SIGNED, rf"\1{REDACTED}", line)
    line = blanked(_CONNECTION, rf"\1{REDACTED}", line)
    line = blanked(_HEADER, rf"\1{REDACTED}", line)
    line = blanked(_BEARER, rf"\1{REDACTED}", line)
    line = blanked(_USER_FLAG, rf"\1{REDACTED}", line)
    for pattern in (_CONNECTION_PASSWORD, _NETRC, _COMMAND_FLAG):
        line = blanked(pattern, rf"\1{REDACTED}", line)
    line = _FLAG.sub(flagged, line)
    line = _BESIDE.sub(beside, line)
    line, times = _redact_assigned(line)
    return line, count + times


def _redact_assigned(line: str) -> tuple[str, int]:
    """A line without the values assigned to secret names; what a harmless name is given is looked through."""
    parts: list[str] = []
    done = at = count = 0
    while (match := _ASSIGNED.search(line, at)) is not None:
        at = match.end("between")
        kind = secret_name(match["name"])
        value = _VALUE.match(line, at) if kind is not None else None
        if kind is None or value is None:
            continue
        if value["quoted"] is not None:
            start, end = value.start("quoted") + 1, value.end("quoted") - 1
            found = _is_secret(kind, line[start:end])
        else:
            start, end = value.span("bare")
            bare = value["bare"]
            # ``DB_PASSWORD=my_secret`` is a shell's, where the right side is no name.
            code = not (match["between"] == "=" and match["name"].isupper()) and _is_code(bare)
            found = not value["after"] and not code and _is_secret(kind, bare)
            if found and (rest := _REST.match(line, end)):
                end = rest.end()
        if found:
            parts += [line[done:start], REDACTED]
            done = at = end
            count += 1
    return "".join([*parts, line[done:]]), count


def _is_code(bare: str) -> bool:
    """Whether what follows ``password=`` is a type or another name, as in ``password=args.password``."""
    if _CODE.fullmatch(bare):
        return True
    return bare.replace(".", "_").isidentifier() and _kind_of(_words_of(bare)) is not None


# -- values, arguments, addresses -------------------------------------------------------------------


def redact_value(name: str, value: Any) -> Redaction:
    """A param, tag or the like under its name; lists and mappings within it too.

    Parameters
    ----------
    name : str
        Flattened names count by their last part, ``db.password``; text counts by all: ``password.main``.
    value
        Text, a number, None, or plain containers of them; anything else is passed through.
    """
    kind = secret_name(name)
    if value.__class__ is str:
        if kind is None and "." in name:
            kind = _kind_above(name)
        if kind is not None and _is_secret(kind, value):
            return Redaction(REDACTED, 1)
        return redact_text(value)
    if kind == "plain" and value.__class__ is int:
        return Redaction(REDACTED, 1)
    if isinstance(value, Mapping):
        total = 0
        fields: dict[Any, Any] = {}
        for key, each in value.items():
            # Below a secret name everything is suspect: ``{"api_key": {"value": ...}}``.
            inner = name if kind is not None and secret_name(str(key)) is None else str(key)
            fields[key], count = redact_value(inner, each)
            total += count
        return Redaction(fields, total) if total else Redaction(value, 0)
    if isinstance(value, (list, tuple)):
        items = [redact_value(name, each) for each in value]
        total = sum(count for _, count in items)
        return Redaction([each for each, _ in items], total) if total else Redaction(value, 0)
    return Redaction(value, 0)


@lru_cache(maxsize=4096)
def _kind_above(name: str) -> Kind | None:
    """What the parts before the last one of a flattened name say: ``password.main``."""
    kinds = [secret_name(part) for part in name.split(".")[:-1]]
    return "plain" if "plain" in kinds else "doubtful" if "doubtful" in kinds else None


def redact_arguments(arguments: Sequence[str]) -> Redaction:
    """The words of a command line as one line, quoted for a shell, secrets blanked.

    Examples
    --------
    >>> redact_arguments(["train.py", "--api-key", "q 7", "--epochs=3", "-u", "ann:pw"]).value
    "train.py --api-key '[redacted]' --epochs=3 -u 'ann:[redacted]'"
    """
    import shlex

    total = 0
    words: list[str] = []
    secret_follows = user_follows = False
    for argument in arguments:
        flag = argument.startswith("-") and len(argument) > 1
        if secret_follows and not flag and not _PLACEHOLDER.fullmatch(argument):
            argument, count = REDACTED, 1
        elif user_follows and not flag and ":" in argument:
            argument, count = f"{argument.partition(':')[0]}:{REDACTED}", 1
        else:
            name, equals, value = argument.partition("=")
            if flag and equals and secret_name(name) is not None and not _PLACEHOLDER.fullmatch(value):
                argument, count = f"{name}={REDACTED}", 1
            else:
                argument, count = redact_text(argument)
        secret_follows = flag and "=" not in argument and secret_name(argument) is not None
        user_follows = argument in ("-u", "--user", "--proxy-user")
        total += count
        words.append(argument)
    return Redaction(shlex.join(words), total)


def without_credentials(address: str) -> str:
    """An address without user and password; ``git@`` of an SSH address is no secret and stays.

    Examples
    --------
    >>> without_credentials("https://ann:ghp_0123@github.com/ann/churn.git")
    'https://github.com/ann/churn.git'
    >>> without_credentials("git@github.com:ann/churn.git")
    'git@github.com:ann/churn.git'
    """
    scheme, separator, rest = address.partition("://")
    if separator:
        place, slash, path = rest.partition("/")
        user, at, host = place.rpartition("@")
        if at:
            keep = f"{user.partition(':')[0]}@" if scheme.lower().endswith("ssh") else ""
            address = f"{scheme}://{keep}{host}{slash}{path}"
    return str(redact_text(address).value)
