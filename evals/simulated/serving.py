"""Serves simulated models on loopback, and prints how to point a graph at them."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from langgraph_gepa.demo.server import Persona, SimulatedServer

REFLECTION = "simulated-reflection"
"""The name of the reflection model among the personas."""


def examples_in(folder: Path) -> list[dict[str, Any]]:
    """The rows with inputs of all JSONL files in `folder`; a corpus of passages has none."""
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    return [row for row in map(json.loads, lines) if "inputs" in row]


def serve(personas: Mapping[str, Persona], variables: Mapping[str, str]) -> None:
    """Serves `personas` until Ctrl-C. `variables` maps the graph's environment variables to names of models."""
    with suppress(KeyboardInterrupt), SimulatedServer(personas) as server:
        models = " ".join(f"{variable}=openai:{model}" for variable, model in variables.items())
        print("Simulated models, no model behind them. In another terminal:\n")
        print(f"export OPENAI_BASE_URL={server.base_url} OPENAI_API_KEY=simulated {models}")
        print(f"# and for the reflections: --reflection-lm openai:{REFLECTION}", flush=True)
        threading.Event().wait()
