"""What of a class may hold a prompt."""

from __future__ import annotations

from langgraph_gepa.adapter.objects.classes import Class


def test_what_python_keeps_about_a_class_is_no_part_of_it() -> None:
    """On Python 3.14 the function that evaluates annotations holds the class's body, and so every text once more."""
    body = {"tone": "Be kind to the visitors.", "__module__": __name__}
    kept = {"__annotate_func__": lambda _: body, "__annotations_cache__": body, "__static_attributes__": ("tone",)}
    assert [step for step, _ in Class().parts(type("Desk", (), {**body, **kept}))] == [("member", "tone")]
