"""Hides credentials that are recognised by their place in a text: in URLs, connection strings and headers.

Every pattern is bounded, so that a megabyte of anything is read in one pass. Hiding twice changes nothing. Placeholders
such as `{password}` or `$TOKEN` are no credentials: a prompt that explains a URL keeps its words.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote

HIDDEN = "<hidden>"

_END = r"\s\"'<>\\`"
"""Characters that end a URL in a text."""
_TEMPLATE = re.compile(r"\{[^{}]{0,200}\}|\$\{\w{1,100}\}|%\(\w{1,100}\)s")
_STANDS_FOR = re.compile(r"\$\w+|%s|\*+|\.{3,}|…|x{3,}", re.IGNORECASE)

_SUFFIXES = (
    "token", "secret", "password", "passwd", "passphrase", "pwd", "apikey", "accesskey", "secretkey", "privatekey",
    "authkey", "accountkey", "subscriptionkey", "appkey", "signature", "credential", "credentials",
)  # fmt: skip
_WHOLE = frozenset({"key", "auth", "authorization", "sig", "pass", "jwt"})
_PARAMETER = re.compile(rf"([?&#;]|\\u0026)([\w.%\[\]-]{{1,64}})=([^{_END}&#;,]{{1,8192}})")
_ENCODED_PARAMETER = re.compile(
    r"(%(?:25){0,3}(?:3F|26|23|3B))([\w.\[\]-]{1,64})(%(?:25){0,3}3D)"
    rf"((?:(?!%(?:25){{0,3}}(?:26|23|3B))[^{_END}&#;,]){{1,8192}})",
    re.IGNORECASE,
)

_USERINFO = re.compile(rf"(:\\?/\\?/)([^{_END}/?#]{{1,512}})@")
_ODD_USERINFO = re.compile(
    rf"(:\\?/\\?/)([^{_END}:/@?#\[\]]{{0,128}}):(?!\d{{1,5}}(?:[/?#{_END}),]|$))([^{_END}]{{1,256}})@(?=[\w.\[-])"
)
"""Matches a password up to the last at sign of the URL, as slashes, question marks, number signs and at signs in it
should be encoded and often are not. If the path has an at sign, too much is hidden."""
_ENCODED_USERINFO = tuple(
    re.compile(
        rf"({percent}3A{percent}2F{percent}2F)"
        rf"((?:(?!{percent}(?:2F|3F|40|3A))[^{_END}&]){{0,64}}{percent}3A"
        rf"(?:(?!{percent}(?:2F|40))[^{_END}&]){{1,256}})({percent}40)",
        re.IGNORECASE,
    )
    for percent in ("%", "%25")
)
"""Match the same in a URL that is a value in another URL, encoded once or twice."""
_MAX_USER = 16
"""A user name without a password that is longer is a token."""

_BASIC = re.compile(r"(\bbasic(?:[ \t]{1,8}|%20|\+))([A-Za-z0-9+/_-]{4,8192}={0,2})", re.IGNORECASE)
_AUTHORIZATION = re.compile(
    rf"(\bauthorization[\"']?[ \t]{{0,8}}[:=][ \t]{{0,8}}[\"']?)"
    rf"(?:((?:token|apikey|api-key|key|negotiate|ntlm)[ \t]{{1,8}})([^{_END},;]{{4,8192}})"
    rf"|((?:digest|aws4-hmac-sha256)[ \t]{{1,8}})([^\r\n<>]{{4,8192}}))",
    re.IGNORECASE,
)
_HEADER = re.compile(
    rf"(\b(?:[a-z0-9]{{1,20}}-){{0,4}}(?:api-?key|auth-token|access-token|subscription-key)[\"']?[ \t]{{0,8}}:"
    rf"[ \t]{{0,8}}[\"']?)([^{_END},;]{{6,8192}})",
    re.IGNORECASE,
)

_PASSWORD = re.compile(
    rf"(\b(?:password|passwd|pwd)[ \t]{{0,8}}=[ \t]{{0,8}})('[^'\r\n<>]{{1,512}}'|[^{_END};&]{{1,512}})", re.IGNORECASE
)
_CONNECTION = re.compile(
    r"\b(?:host|hostaddr|server|data source|dbname|database|initial catalog|user id|uid|user)[ \t]{0,8}=", re.IGNORECASE
)
_AROUND = 120
"""How many characters around a `password=` may hold the rest of a connection string."""


def hide_credentials(text: str) -> str:
    """Returns `text` with the credentials in its URLs, connection strings and headers hidden."""
    if "@" in text and ("://" in text or ":\\/" in text):
        text = _USERINFO.sub(_userinfo, _ODD_USERINFO.sub(_odd_userinfo, text))
    if "%" in text:
        for pattern in _ENCODED_USERINFO:
            text = pattern.sub(_encoded_userinfo, text)
        text = _ENCODED_PARAMETER.sub(_encoded_parameter, text)
    lower = text.lower()
    if "=" in text:
        text = _PARAMETER.sub(_parameter, text)
        if "passw" in lower or "pwd" in lower:
            text = _PASSWORD.sub(_password, text)
    if "basic" in lower:
        text = _BASIC.sub(_basic, text)
    if "authorization" in lower:
        text = _AUTHORIZATION.sub(_authorization, text)
    if "key" in lower or "token" in lower:
        text = _HEADER.sub(_header, text)
    return text


def passwords_in(text: str) -> Iterator[str]:
    """Yields the passwords in the URLs of a text, as written and decoded."""
    for match in _USERINFO.finditer(text):
        _, colon, password = match[2].partition(":")
        if colon and not _is_placeholder(password):
            yield password
            yield unquote(password)


def _is_placeholder(value: str) -> bool:
    return bool(_TEMPLATE.search(value) or _STANDS_FOR.fullmatch(value))


def _is_secret(name: str) -> bool:
    for _ in range(3):
        name = unquote(name)
    bare = re.sub(r"[^a-z0-9]", "", name.lower())
    return bare in _WHOLE or bare.endswith(_SUFFIXES)


def _value(value: str) -> str:
    """The hidden value with the punctuation or bracket after it; a placeholder as it is."""
    core = value.rstrip(").,!?:]}")
    return value if not core or _is_placeholder(value) or _is_placeholder(core) else HIDDEN + value[len(core) :]


def _parameter(match: re.Match[str]) -> str:
    separator, name, value = match.groups()
    if not _is_secret(name) or (separator == ";" and name.lower() in _WHOLE):
        return match[0]
    return f"{separator}{name}={_value(value)}"


def _encoded_parameter(match: re.Match[str]) -> str:
    separator, name, equals, value = match.groups()
    return f"{separator}{name}{equals}{_value(value)}" if _is_secret(name) else match[0]


def _userinfo(match: re.Match[str]) -> str:
    user, colon, password = match[2].partition(":")
    secret = password if colon else user if len(user) > _MAX_USER else ""
    return match[0] if not secret or _is_placeholder(secret) else f"{match[1]}{HIDDEN}@"


def _odd_userinfo(match: re.Match[str]) -> str:
    return match[0] if _is_placeholder(match[3]) else f"{match[1]}{HIDDEN}@"


def _encoded_userinfo(match: re.Match[str]) -> str:
    return match[0] if _is_placeholder(unquote(unquote(match[2]))) else f"{match[1]}{HIDDEN}{match[3]}"


def _basic(match: re.Match[str]) -> str:
    """Hides what decodes to a name and a password: in prose other words follow "basic"."""
    plain = match[2].rstrip("=").replace("-", "+").replace("_", "/")
    try:
        decoded = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return match[0]
    return f"{match[1]}{HIDDEN}" if ":" in decoded and decoded.isprintable() else match[0]


def _authorization(match: re.Match[str]) -> str:
    scheme, value = (match[2], match[3]) if match[2] else (match[4], match[5])
    return match[0] if _is_placeholder(value) else f"{match[1]}{scheme}{HIDDEN}"


def _header(match: re.Match[str]) -> str:
    return match[1] + _value(match[2])


def _password(match: re.Match[str]) -> str:
    """Hides a password beside the rest of a connection string: prose and programs have `password=` as well."""
    around = match.string[max(0, match.start() - _AROUND) : match.end() + _AROUND]
    if not _CONNECTION.search(around):
        return match[0]
    quoted = match[2].startswith("'")
    return match[0] if _is_placeholder(match[2].strip("'")) else match[1] + (HIDDEN if quoted else _value(match[2]))
