"""The package under the name it had before it was renamed, by which one of its own files still asks for it."""

import importlib
import sys
from typing import Any


def prepare() -> None:
    sys.modules["open_deep_research"] = importlib.import_module("clinical_research_crew")
    for name in ("configuration", "prompts", "state"):
        sys.modules[f"open_deep_research.{name}"] = importlib.import_module(f"clinical_research_crew.{name}")


def inputs() -> dict[str, Any]:
    from clinical_research_crew.medical_notes import create_consultation_note

    asked = create_consultation_note("nutrition", "A man of 50.", "How much tea?", "An amount.")
    return {"messages": [{"role": "user", "content": "How much tea may he drink?"}], "consultation_notes": [asked]}
