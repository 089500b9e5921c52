"""Sets the environment variables that "env" in `langgraph.json` gives, from a mapping or a `.env` file."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from langgraph_gepa.errors import GraphError

_LOG = logging.getLogger(__name__)

_LINE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.]*)[ \t]*=[ \t]*
    (?: '(?P<single>(?:[^'\\]|\\.)*)' | "(?P<double>(?:[^"\\]|\\.)*)" | (?P<bare>[^\r\n]*) )""",
    re.MULTILINE | re.VERBOSE | re.DOTALL,
)
_NAMED = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def load_environment(env: Any, manifest: Path) -> None:
    """Sets the variables of `env`: a mapping, or the path of a file of `NAME=value` lines relative to `manifest`.

    Variables that are set already stay as they are. A missing file is ignored, since repositories often leave out a
    project's `.env`. Raises `GraphError` when it cannot be read; no value is ever part of a message.
    """
    if isinstance(env, str) and env:
        env = dict(_read(manifest.parent / env))
    if not isinstance(env, Mapping):
        if env:
            raise GraphError(
                f'"env" in {manifest.name} must be the path of a .env file or a mapping of names to values'
            )
        return
    for name, value in env.items():
        if value is not None:
            os.environ.setdefault(str(name), str(value))


def _read(path: Path) -> Iterator[tuple[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        _LOG.info("%s, named in langgraph.json, is not there.", path)
        return
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise GraphError(f"{path}, the environment named in langgraph.json, cannot be read: {reason}") from None
    known: dict[str, str] = {}
    for line in _LINE.finditer(text):
        value = known[line["name"]] = _filled(_value(line), known)
        yield line["name"], value


def _value(line: re.Match[str]) -> str:
    """Reads a value as python-dotenv does, which LangGraph's own command line uses."""
    if line["single"] is not None:
        return re.sub(r"\\([\\'])", r"\1", line["single"])
    if line["double"] is not None:
        return re.sub(r"\\([\\'\"abfnrtv])", lambda found: _ESCAPES.get(found[1], found[1]), line["double"])
    return re.sub(r"\s+#.*", "", line["bare"]).rstrip()


def _filled(value: str, known: Mapping[str, str]) -> str:
    """Fills in `${NAME}` and `${NAME:-default}`, from the environment first and then from the lines above."""
    return _NAMED.sub(lambda found: os.environ.get(found[1], known.get(found[1], found[2] or "")), value)
