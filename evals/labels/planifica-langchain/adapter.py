"""The key of the model; a conversation long enough to be summarized. There is no database: every tool says so."""

import os
from typing import Any


def prepare() -> None:
    os.environ["DEEPSEEK_API_KEY"] = "simulated"


def conversation() -> dict[str, Any]:
    said = [{"role": role, "content": "Buenos días."} for _ in range(15) for role in ("user", "assistant")]
    return {"messages": [*said, {"role": "user", "content": "¿Cuáles son mis cursos más frecuentes?"}]}
