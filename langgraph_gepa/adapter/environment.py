"""Sets the environment variables that "env" in `langgraph.json` gives, from a mapping or a `.env` file."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import load_dotenv

from langgraph_gepa.errors import GraphError

_LOG = logging.getLogger(__name__)


def load_environment(env: Any, manifest: Path) -> None:
    """Sets the variables of `env`: a mapping, or the path of a file of `NAME=value` lines relative to `manifest`.

    Variables that are set already stay as they are. A missing file is ignored, since repositories often leave out a
    project's `.env`. Raises `GraphError` when it cannot be read; no value is ever part of a message.
    """
    if isinstance(env, Mapping):
        for name, value in env.items():
            if value is not None:
                os.environ.setdefault(str(name), str(value))
    elif isinstance(env, str) and env:
        load_dotenv(stream=StringIO(_read(manifest.parent / env)))  # as LangGraph's own command line reads it
    elif env:
        raise GraphError(f'"env" in {manifest.name} must be the path of a .env file or a mapping of names to values')


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        _LOG.info("%s, named in langgraph.json, is not there.", path)
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise GraphError(f"{path}, the environment named in langgraph.json, cannot be read: {reason}") from None
