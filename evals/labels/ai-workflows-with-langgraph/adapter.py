"""One of the two packages without its own first line, which asks for a function that is gone."""

import importlib.util
import sys
from pathlib import Path


def prepare() -> None:
    spec = importlib.util.spec_from_file_location("parallelization", Path("parallelization", "__init__.py").resolve())
    if spec is not None:
        sys.modules["parallelization"] = importlib.util.module_from_spec(spec)
