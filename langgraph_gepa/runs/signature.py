"""Signs the settings of a run, to tell the runs of this user from those of somebody else.

The key lies in the user's own folder of application state, as Jupyter keeps the one it signs notebooks with.
The owner, place and dates of a file would prove nothing: unpacking an archive makes them the user's.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_BYTES = 32


def sign(config: Mapping[str, Any]) -> str:
    """Signs a run's config, given as JSON data; empty where this user can keep no key."""
    key = _key(make=True)
    return "" if key is None else _signature(key, config)


def is_own(settings: Mapping[str, Any]) -> bool:
    """Returns whether this user started the run with these settings on this machine."""
    key, signature = _key(make=False), settings.get("signature")
    if key is None or not isinstance(signature, str):
        return False
    return hmac.compare_digest(_signature(key, settings["asked"]).encode(), signature.encode("utf-8", "replace"))


def _signature(key: bytes, config: Mapping[str, Any]) -> str:
    kept = json.loads(json.dumps(config))  # as it comes back from the run's folder
    message = json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def _key(*, make: bool) -> bytes | None:
    """This user's key; with `make` a new one where there is none."""
    try:
        file = _state() / "key"
        if make and not file.exists():
            _write_key(file)
        key = bytes.fromhex(file.read_text(encoding="ascii"))
    except (OSError, RuntimeError, ValueError):  # no home, a disk that cannot be written, a broken key
        return None
    return key if len(key) == _BYTES else None


def _write_key(file: Path) -> None:
    """Writes a new key in one step, and never over one that another process has just made."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_name(f".key-{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(_BYTES))
        try:
            file.hardlink_to(partial)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _state() -> Path:
    """The user's folder for what applications keep between runs."""
    named = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_STATE_HOME")
    return (Path(named) if named else Path.home() / ".local" / "state") / "langgraph-gepa"
