"""Credentials are known by where they stand; what is no credential keeps its words."""

from __future__ import annotations

import base64
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from langgraph_gepa.adapter.rollout.credentials import HIDDEN, hide_credentials
from langgraph_gepa.adapter.rollout.redaction import masking, secrets_of

TOKEN = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.~+/=%", min_size=4, max_size=60).map(lambda text: f"Zq{text}qZ")
NAMES = st.sampled_from(
    ["key", "api_key", "api-key", "apikey", "X-Goog-Api-Key", "token", "access_token", "sig", "password", "pwd", "auth",
     "client_secret", "X-Amz-Signature", "X-Amz-Credential", "api%5Fkey", "subscription-key", "KEY", "Token"]
)  # fmt: skip
AROUND = st.sampled_from(["", "see ", "(", '{"url": "', "- "])


@given(NAMES, TOKEN, st.sampled_from("?&#"), AROUND)
def test_values_of_parameters_are_hidden(name: str, secret: str, separator: str, before: str) -> None:
    """By their name, however it is spelled; what follows the value stays."""
    text = f"{before}https://example.com/v1{separator}{name}={secret}&page=2 and more"
    assert hide_credentials(text) == f"{before}https://example.com/v1{separator}{name}={HIDDEN}&page=2 and more"


@given(NAMES.filter(lambda name: "%" not in name), TOKEN)
def test_values_in_a_url_within_a_url_are_hidden(name: str, secret: str) -> None:
    """Percent-encoded once or twice, as redirects and logs have them."""
    inner = f"https://example.com/?{name}={quote(secret, safe='')}&page=2"
    for encoded in (quote(inner, safe=""), quote(quote(inner, safe=""), safe="")):
        hidden = hide_credentials(f"https://login?next={encoded}")
        assert "Zq" not in hidden
        assert "page" in hidden


PASSWORD = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789!*()-_.,;:&=+%@/?#", max_size=40).map(lambda text: f"Zq{text}qZ")


@given(st.sampled_from(["postgres", "mysql+pymysql", "https", "redis", "mongodb+srv"]), PASSWORD)
@example("postgres", "Zq@/ZqZ")
@example("postgres", "Zq@2/ZqZ")
def test_passwords_in_connection_urls_are_hidden(scheme: str, password: str) -> None:
    """Also those that should have been encoded, with a slash or an at sign; the host stays."""
    for spelled in (password, quote(password, safe=""), quote_plus(password)):
        hidden = hide_credentials(f"cannot reach {scheme}://user:{spelled}@db.example.com:5432/app today")
        assert "Zq" not in hidden
        assert hidden.endswith("db.example.com:5432/app today")
    assert "Zq" not in hide_credentials(
        quote(f"{scheme}://user:{quote(password, safe='')}@db.example.com/app", safe="")
    )


@given(
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=40), st.sampled_from(["Basic", "basic"])
)
def test_basic_authorisation_is_hidden(password: str, scheme: str) -> None:
    """Known by what it decodes to, with and without padding."""
    encoded = base64.b64encode(f"user:{password}".encode()).decode()
    for spelled in (encoded, encoded.rstrip("=")):
        assert hide_credentials(f"Authorization: {scheme} {spelled}") == f"Authorization: {scheme} {HIDDEN}"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("postgres://u:p@host", f"postgres://{HIDDEN}@host"),
        ("redis://:p@host:6379/0", f"redis://{HIDDEN}@host:6379/0"),
        (r"https:\/\/u:p@host", rf"https:\/\/{HIDDEN}@host"),
        ("https://0123456789abcdef01234@sentry.example/1", f"https://{HIDDEN}@sentry.example/1"),
        ("host=h user=u password=p dbname=d", f"host=h user=u password={HIDDEN} dbname=d"),
        ("Server=h;Uid=u;Pwd=p;Port=1", f"Server=h;Uid=u;Pwd={HIDDEN};Port=1"),
        ("AccountName=a;AccountKey=abc==;End=1", f"AccountName=a;AccountKey={HIDDEN};End=1"),
        ("jdbc:postgresql://h/d?user=u&password=p", f"jdbc:postgresql://h/d?user=u&password={HIDDEN}"),
        ("X-Api-Key: 12345678", f"X-Api-Key: {HIDDEN}"),
        ("authorization: Token 12345678", f"authorization: Token {HIDDEN}"),
        (r'"https://a?b=1\u0026token=c"', rf'"https://a?b=1\u0026token={HIDDEN}"'),
    ],
)
def test_other_places_of_credentials(text: str, hidden: str) -> None:
    """Connection strings, headers, and how JSON escapes them."""
    assert hide_credentials(text) == hidden


@pytest.mark.parametrize(
    "text",
    [
        "ssh://git@github.com/a/b", "http://localhost:8080/users/ann@example.com", "mailto:ann@example.com",
        "https://shop.example/?page=2&monkey=3&max_tokens=5", "postgres://{user}:{password}@{host}/db",
        "https://api.example/?key={api_key}&token=$TOKEN", "http://host:{port}/a@b", "Basic information about tokens",
        "login(user, password=secret)", "The key = the answer; a;key=b", "https://user:***@host", "http://[::1]:80/a@b",
    ],
)  # fmt: skip
def test_what_is_no_credential_keeps_its_words(text: str) -> None:
    """Ports, names, prose, programs, and the placeholders of prompts."""
    assert hide_credentials(text) == text


PIECES = st.lists(
    st.sampled_from(["://", "u:", "p@", "@", "?key=", "&token=", "%3Fkey%3D", "%3A%2F%2F", "%40", "Basic ", "dTpw", "a",
                     "Authorization: ", "Bearer ", "password=", "host=", ";", "/", "{", "}", "<hidden>", " ", "\n", "'",
                     "sk-0123456789abcdef0123", "marked-secret"])
)  # fmt: skip


@given(PIECES.map("".join))
def test_hiding_twice_hides_no_more(text: str) -> None:
    """What is kept can be masked again, as it is when a run goes on."""
    hide = masking(["marked-secret"])
    assert hide(hide(text)) == hide(text)


@pytest.mark.parametrize(
    "unit",
    ["://", "://a:b", "?key", "&key=", "%3Fkey%3D", "%3A%2F%2Fa%3A", "basic abcd", "authorization: token a", "a-",
     "password=x ", "?key={", "a@", "://@", "%25"],
)  # fmt: skip
def test_much_of_anything_takes_time_in_proportion(unit: str) -> None:
    """Four times the text takes about four times as long, and not sixteen."""

    def seconds(size: int) -> float:
        text = unit * (size // len(unit)) + "@h%40"
        before = time.process_time()
        hide_credentials(text)
        return time.process_time() - before

    assert seconds(2**17) < min(0.75, 8 * seconds(2**15) + 0.05)


def test_a_known_secret_is_known_in_other_spellings() -> None:
    """Percent-encoded, as a form sends it, and as JSON escapes it; a password in a variable's URL is one."""
    secret = 'p@ss "word"/1'
    hide = masking([secret])
    for spelled in (secret, quote(secret, safe=""), quote_plus(secret), secret.replace('"', '\\"')):
        assert hide(f"a {spelled} b") == f"a {HIDDEN} b"
    assert secrets_of([], {"DATABASE_URL": "postgres://u:hunter%402hunter@h/d"}) == {
        "hunter%402hunter",
        "hunter@2hunter",
    }
