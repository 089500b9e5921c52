"""The error that most of several failures have in common, as the one example that is worth quoting."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|[0-9]+")


def commonest(failures: Iterable[tuple[str, str]]) -> tuple[str, str, int]:
    """Returns the first example with the commonest error, the error, and how many failures are alike.

    `failures` are examples with their errors, at least one; on a tie the earliest counts. Errors are alike if their
    first lines differ only in what they quote and in numbers: `KeyError: 'name'` and `KeyError: 'age'`.
    """
    known = list(failures)
    kinds = Counter(_kind(error) for _, error in known)
    kind, count = kinds.most_common(1)[0]
    example, error = next(failure for failure in known if _kind(failure[1]) == kind)
    return example, error, count


def _kind(error: str) -> str:
    return _QUOTED.sub("", error.partition("\n")[0])
