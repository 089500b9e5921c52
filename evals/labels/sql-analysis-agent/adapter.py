"""An empty database in memory."""

import os


def prepare() -> None:
    os.environ["DATABASE_URL"] = "sqlite://"
