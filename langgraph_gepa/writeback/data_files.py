"""Writes new texts into files that are not Python: YAML, JSON, Markdown and other text files.

The file is the text, or holds it as a value. In YAML and JSON only the scalar changes: PyYAML, which LangChain depends
on, says where the scalars are and what they hold. Writing through a YAML library would lay out the whole file anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own

from langgraph_gepa.writeback.edits import Edit, GoneError, UnwritableError, ambiguous


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value in a file, from `start` to `end`. `style` is that of YAML: `None` or one of `' " | >`."""

    start: int
    end: int
    line: int
    value: str
    style: str | None = None


def rewritten(name: str, content: str, edits: Sequence[Edit]) -> str:
    """The content of a file that is not Python after every edit. Line breaks are `\\n`, as Python reads text.

    Raises `UnwritableError` for a text that cannot be written there, `GoneError` for one that is not there.
    """
    rewrite = _FORMATS.get(PurePath(name).suffix.lower(), _in_text)
    for edit in edits:
        content = rewrite(content, edit)
    return content


def _in_text(content: str, edit: Edit) -> str:
    """The text is the whole file, or whole lines of it (below a header, say), or a value in its header."""
    header = _HEADER.match(content)
    if header is not None and edit.line in range(2, content.count("\n", 0, header.end(1)) + 1):
        within = Edit(edit.old, edit.new, (edit.line or 0) - 1)
        return content[: header.start(1)] + _in_yaml(header[1], within) + content[header.end(1) :]
    core = edit.old.strip()
    if not core or core not in content:
        raise GoneError("the text is not there any more")
    starts = [match.start() for match in re.finditer(re.escape(core), content)]
    lines = [start for start in starts if _whole_lines(content, start, start + len(core))]
    if len(lines) != 1:
        raise UnwritableError(
            "the same text stands there more than once: it is unclear which is meant"
            if lines
            else "there is more on the same lines: it is unclear where the text begins and ends"
        )
    lead, trail = _margins(edit.old)
    start, end = lines[0], lines[0] + len(core)
    if content[:start].endswith(lead) and content.startswith(trail, end):
        return content[: start - len(lead)] + edit.new + content[end + len(trail) :]
    return content[:start] + edit.new.strip() + content[end:]


def _whole_lines(content: str, start: int, end: int) -> bool:
    return not content[:start].rpartition("\n")[2].strip() and not content[end:].partition("\n")[0].strip()


def _margins(text: str) -> tuple[str, str]:
    """The white space before and after a text."""
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


def _in_json(content: str, edit: Edit) -> str:
    values = list(_json_values(content))
    found, value = _scalar_meant(values, edit)
    written = content[found.start : found.end]
    escaped = written.isascii() and not found.value.isascii()
    new = _SURROGATE.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(value, ensure_ascii=escaped))
    return content[: found.start] + new + content[found.end :]


def _json_values(content: str) -> Iterator[Scalar]:
    for match in _JSON_STRING.finditer(content):
        if _JSON_KEY.match(content, match.end()):
            continue
        try:
            value = json.loads(match[0], strict=False)
        except ValueError:
            continue
        yield Scalar(match.start(), match.end(), content.count("\n", 0, match.start()) + 1, value)


def _in_yaml(content: str, edit: Edit) -> str:
    values = list(_yaml_values(content))
    found, value = _scalar_meant(values, edit)
    expected = [value if scalar is found else scalar.value for scalar in values]
    before, written = content[: found.start].rpartition("\n")[2], content[found.start : found.end]
    after = content[found.end :].partition("\n")[0]
    for new, end in _yaml_ways(value, found, before, written, after):
        changed = content[: found.start] + new + content[found.end + end :]
        try:
            if [scalar.value for scalar in _yaml_values(changed)] == expected:
                return changed
        except UnwritableError:
            continue
    raise UnwritableError("it cannot be written there as YAML")


def _yaml_values(content: str) -> Iterator[Scalar]:
    """Every scalar in order. Keys are among them; the text of a prompt is never that of a key."""
    try:
        for token in yaml.scan(content):
            if isinstance(token, yaml.ScalarToken):
                start, end = token.start_mark.index, token.end_mark.index
                if token.style in ("|", ">"):  # the token ends where the next one starts
                    end = start + len(content[start:end].rstrip())
                yield Scalar(start, end, token.start_mark.line + 1, token.value, token.style)
    except yaml.YAMLError as error:
        raise UnwritableError(f"the file is not YAML ({' '.join(str(error).split())})") from error


def _yaml_ways(value: str, found: Scalar, before: str, written: str, after: str) -> Iterator[tuple[str, int]]:
    """Ways to write a value, the present one first, each with how many characters `after` the old one it replaces."""
    header, _, body = written.partition("\n")
    opening = before[: len(before) - len(before.lstrip(" -"))]
    parent = len(opening) if ":" in before else max(opening.rfind("-"), 0)
    margins = [len(row) - len(row.lstrip(" ")) for row in body.split("\n") if row.strip()]
    if found.style in ("|", ">"):
        indent = " " * min(margins, default=2)
        remark, taken = header.removeprefix(header.split("#")[0].rstrip()), 0
    else:
        indent = " " * (parent + 2)
        remark, taken = (after, len(after)) if after.lstrip().startswith("#") else ("", 0)
    hint = str(len(indent) - parent) if value.startswith((" ", "\n")) else ""
    if found.style == ">":
        width = max(map(len, body.split("\n"))) - len(indent)
        yield _yaml_block(">", "\n\n".join(_folded(value.rstrip("\n"), width)), value, indent, hint, remark), taken
    if found.style in ("|", ">") or "\n" in value.rstrip("\n"):
        yield _yaml_block("|", value.rstrip("\n"), value, indent, hint, remark), taken
    elif found.style != '"':
        yield _yaml_line(value, found.style), 0
    yield _yaml_line(value, '"') + (remark if found.style in ("|", ">") else ""), 0


def _yaml_block(style: str, body: str, value: str, indent: str, hint: str, remark: str) -> str:
    """A block scalar without its last line break, which is in the file already."""
    chomping = {0: "-", 1: ""}.get(len(value) - len(value.rstrip("\n")), "+")
    return "\n".join([f"{style}{hint}{chomping}{remark}", *(indent + row if row else "" for row in body.split("\n"))])


def _folded(value: str, width: int) -> list[str]:
    """The lines of a text, each wrapped at spaces into rows of a folded block."""
    folded = []
    for text in value.split("\n"):
        rows = [""]
        for word in text.split(" "):
            if rows[-1] and len(rows[-1]) + len(word) >= width:
                rows.append(word)
            else:
                rows[-1] += f" {word}" if rows[-1] else word
        folded.append("\n".join(rows))
    return folded


def _yaml_line(value: str, style: str | None) -> str:
    text: str = yaml.dump(value, default_style=style, allow_unicode=True, width=10**9)
    return text.removesuffix("\n").removesuffix("\n...")


def _scalar_meant(values: Sequence[Scalar], edit: Edit) -> tuple[Scalar, str]:
    """The scalar that the edit means, and its new value. The program may strip it when it reads it."""
    exact = [scalar for scalar in values if scalar.value == edit.old]
    alike = exact or [scalar for scalar in values if scalar.value.strip() == edit.old.strip() != ""]
    here = [scalar for scalar in alike if scalar.line == edit.line] or alike
    if not here:
        raise GoneError("the text is not there any more")
    if len(here) > 1:
        raise ambiguous(scalar.line for scalar in here)
    if exact:
        return here[0], edit.new
    lead, trail = _margins(here[0].value)
    return here[0], lead + edit.new.strip() + trail


def _unknown(content: str, edit: Edit) -> str:
    if content.strip() == edit.old.strip():
        return _in_text(content, edit)
    raise UnwritableError("texts inside files of this format are not written")


_HEADER = re.compile(r"---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_JSON_KEY = re.compile(r"\s*:")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FORMATS = {
    **dict.fromkeys([".json", ".jsonl"], _in_json),
    **dict.fromkeys([".yaml", ".yml"], _in_yaml),
    **dict.fromkeys([".toml", ".csv", ".tsv", ".ini", ".cfg", ".xml"], _unknown),
}
