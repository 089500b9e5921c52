"""What a reader is spared: pictures, signatures, encrypted thoughts, ids."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.opaque import DEEPEST, LONGEST, abridged, media, readable, thoughts

BYTES = Random(0).randbytes(3_000)
ENCODED = base64.b64encode(BYTES).decode()
NUMBER = "#" + hashlib.sha256(ENCODED.encode()).hexdigest()[:8]
SIGNATURE = "QUJD" * 500


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        (f"see {ENCODED} there", "see [encoded data: 4,000 characters] there"),
        (f"![chart](data:image/png;base64,{ENCODED})", "![chart]([image/png: 4,022 characters])"),
        (f'{{"image": "{base64.urlsafe_b64encode(BYTES).decode()}"}}', '{"image": "[encoded data: 4,000 characters]"}'),
        (base64.encodebytes(BYTES).decode().strip(), "[encoded data: 4,052 characters]"),
        (f"-----BEGIN-----\n{base64.encodebytes(BYTES[:600]).decode()}-----END-----",
         "-----BEGIN-----\n[encoded data: 810 characters]\n-----END-----"),
        (json.dumps(base64.encodebytes(BYTES).decode().strip()), '"[encoded data: 4,104 characters]"'),
        (ENCODED.replace("/", "\\/") + ".", f"[encoded data: {4_000 + ENCODED.count('/'):,} characters]."),
        (f"no use for {list(BYTES)}", f"no use for [[2,999 numbers] {BYTES[-1]}]"),
        (repr(BYTES), f"[binary data: {len(repr(BYTES)):,} characters]"),
        (BYTES.hex(), "[encoded data: 6,000 characters]"),
        (BYTES.decode("latin-1"), "[binary data: 3,000 characters]"),
        (SIGNATURE, "[encoded data: 2,000 characters]"),
        ("data:text/plain;charset=utf-8," + "%20" * 50, "[text/plain: 180 characters]"),
    ],
)  # fmt: skip
def test_encoded_data_is_named_wherever_it_stands(text: str, reads: str) -> None:
    """In prose, in Markdown, in JSON that a tool gave back as text, wrapped in lines or not."""
    assert readable(text) == reads


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox. " * 300,
        "請再次檢查所有的數字並回答問題。" * 200,
        "/home/user/projects/Some-Long-Name/src/package/subpackage/module_with_a_long_name/tests/unit/" * 2,
        "https://example.com/a-very-long-slug-about-trains-and-planes-and-everything-that-moves-in-the-world-of-2024/x",
        "ACGT" * 200,
        "3.14159" + "26535" * 100,
        "_".join(["a_long_identifier_of_generated_code"] * 12),
        "SELECT a, b FROM t WHERE c = 'd';\n" * 100,
        json.dumps({"order": "A-17", "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7"}),
        "sha 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0bb822cd15d6c15b0f00a08",
    ],
)  # fmt: skip
def test_what_can_be_read_stays(text: str) -> None:
    """Prose of any script, paths, slugs, sequences, numbers, code and identifiers are data to learn from."""
    assert readable(text) == text


@pytest.mark.parametrize(
    ("block", "reads"),
    [
        ({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{ENCODED}"}},
         f"[image: image/png, 4,000 characters, {NUMBER}]"),
        ({"type": "image", "source_type": "base64", "mime_type": "image/jpeg", "data": ENCODED},
         f"[image: image/jpeg, 4,000 characters, {NUMBER}]"),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": ENCODED}},
         f"[image: image/gif, 4,000 characters, {NUMBER}]"),
        ({"type": "input_audio", "input_audio": {"data": ENCODED, "format": "wav"}},
         f"[audio: audio/wav, 4,000 characters, {NUMBER}]"),
        ({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": ENCODED}},
         f"[file: application/pdf, 4,000 characters, {NUMBER}]"),
        ({"type": "media", "mime_type": "video/mp4", "data": ENCODED},
         f"[video: video/mp4, 4,000 characters, {NUMBER}]"),
        ({"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
         "[image: https://example.com/cat.png, #89f18b17]"),
        ({"type": "file", "file_id": "file-1"}, "[file]"),
        ({"type": "file", "path": "a.py", "content": "print(1)"}, None),
        ({"type": "document", "title": "Terms", "body": "30 days."}, None),
        ({"type": "document", "source": {"type": "text", "data": "A long text to read."}}, None),
        ({"type": "text", "text": "hello"}, None),
    ],
)  # fmt: skip
def test_a_block_of_media_is_named_by_kind_and_size(block: dict[str, Any], reads: str | None) -> None:
    """As each provider writes it; a user's own record of a file or document is none."""
    assert media(block) == reads
    assert reads is None or abridged({"found": [block]}) == {"found": [reads]}


@pytest.mark.parametrize(
    ("block", "reads"),
    [
        ({"type": "thinking", "thinking": "I wonder why.", "signature": SIGNATURE}, "I wonder why."),
        ({"type": "reasoning", "reasoning": "I wonder why.", "extras": {"signature": SIGNATURE}}, "I wonder why."),
        ({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "I wonder why."}],
          "encrypted_content": SIGNATURE}, "I wonder why."),
        ({"type": "redacted_thinking", "data": SIGNATURE}, ""),
        ({"type": "text", "text": "I wonder why."}, None),
    ],
)  # fmt: skip
def test_thoughts_are_what_can_be_read_of_them(block: dict[str, Any], reads: str | None) -> None:
    """Without the seals by which a provider knows them again."""
    assert thoughts(block) == reads


def test_seals_and_ids_of_messages_are_left_out_and_those_of_records_stay() -> None:
    """What providers tell messages, blocks and calls apart by says nothing; a user's own ids do."""
    call = {"type": "tool_use", "id": "toolu_01A", "name": "look_up", "input": {"id": "A-17"}}
    message = {"role": "assistant", "content": [call], "id": "msg_1", "response_metadata": {"finish_reason": "stop"}}
    assert abridged({"steps": [message]}) == {
        "steps": [{"role": "assistant", "content": [{"type": "tool_use", "name": "look_up", "input": {"id": "A-17"}}]}]
    }
    ticket = {"type": "bug", "id": "7c9e6679-7425", "index": 3, "text_signature": "Ada"}
    assert abridged(ticket) == ticket
    assert abridged({"thought_signature": "x" * 40}) == {"thought_signature": "[thought_signature: 40 characters]"}
    assert abridged({"embedding": [0.5] * 1536}) == {"embedding": "[1,536 numbers]"}


leaves = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([ENCODED, "word " * 4_000, SIGNATURE])
trees = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner), max_leaves=20)


def longest(value: Any) -> int:
    """The length of the longest string."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return len(value) if isinstance(value, str) else max(map(longest, items), default=0)


@given(trees)
def test_nothing_is_longer_than_the_limit_whatever_the_nesting(value: Any) -> None:
    """Short values without anything opaque stay as they are; the result can be written as JSON."""
    short = abridged(value)
    assert longest(short) <= LONGEST
    assert ENCODED[:60] not in json.dumps(short)
    assert SIGNATURE[:60] not in json.dumps(short)


@pytest.mark.parametrize(
    "text", ["\\" * 300_000, "1," * 200_000, ("a" * 59 + " ") * 5_000, ("A" * 70 + "\n") * 8_000 + "!",
             "data:" * 60_000, "data:image/png;base64," * 20_000, "-1.5e" * 80_000,
             "\\/" * 200_000, ("b" * 61 + "\\\\n") * 8_000],
)  # fmt: skip
def test_length_alone_makes_nothing_slow(text: str) -> None:
    """A quadratic pattern would take a minute here."""
    began = time.process_time()
    readable(text)
    assert time.process_time() - began < 5


def test_depth_is_bounded() -> None:
    """Also where a value is nested beyond what Python would follow."""
    deep: Any = "end"
    for _ in range(100_000):
        deep = [deep]
    short = json.dumps(abridged(deep))
    assert short.count("[") <= DEEPEST + 1
    assert "nested deeper" in short
    assert media({"type": "image", "data": deep}) == "[image]"
