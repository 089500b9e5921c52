"""How the objects of a walk are used, given what the code does with their names."""

from __future__ import annotations

from functools import partial
from string import Template
from typing import Any

import pytest
from langchain_core.prompts import PromptTemplate

from langgraph_gepa.adapter.dataflow.flow import Solution
from langgraph_gepa.adapter.dataflow.object_uses import ObjectUses
from langgraph_gepa.adapter.objects.walk import Walk

PROMPTS = {"plan": "Make a plan first.", "act": "Act on the plan."}


def node(state: Any, instructions: str = "Answer briefly.") -> Any:
    return PROMPTS, state, instructions


def uses(root: Any, solved: dict[Any, set[Any]]) -> ObjectUses:
    solution = Solution({vertex: frozenset(part_uses) for vertex, part_uses in solved.items()})
    return ObjectUses(Walk(root), solution)


def used_in(found: ObjectUses, owner: Any) -> dict[Any, set[Any]]:
    """By step the uses of an object's parts, of those that have any."""
    holder = found.walk.nodes[id(owner)]
    by_step = {step: {use for path, use in found.of(step, holder) if not path} for step, _ in holder.parts}
    return {step: some for step, some in by_step.items() if some}


def test_a_use_of_one_item_is_passed_on_to_that_item_alone() -> None:
    """The code reads `PROMPTS["plan"]`, so that `PROMPTS["act"]` is not used."""
    found = uses(node, {("var", id(node.__code__), "PROMPTS"): {(("plan",), "prompt")}})
    assert used_in(found, PROMPTS) == {("item", "plan"): {"prompt"}}


def test_a_default_is_used_as_its_parameter() -> None:
    """A parameter that no model is given leaves its default unused."""
    found = uses(node, {("var", id(node.__code__), "instructions"): {((), "prompt")}})
    assert used_in(found, node) == {("default", 0): {"prompt"}}
    assert used_in(uses(node, {}), node) == {}


def test_the_keywords_of_a_partial_are_its_functions_parameters() -> None:
    """As they are when the function is called with them."""
    bound = partial(node, instructions="Answer at length.")
    found = uses(bound, {("var", id(node.__code__), "instructions"): {((), "prompt")}})
    assert used_in(found, bound)["keyword", "instructions"] == {"prompt"}


@pytest.mark.parametrize(("template", "language"), [(Template("Ask $who."), "dollars")])
def test_a_template_object_is_filled_in_by_its_own_language(template: Template, language: str) -> None:
    """Where a model is given it at all."""
    held = {"prompt": template}
    root = partial(node, held)
    found = uses(root, {("var", id(node.__code__), "state"): {(("prompt",), "prompt")}})
    assert used_in(found, template)["attr", "template"] == {"prompt", language}
    assert used_in(uses(root, {}), template) == {}


def test_a_framework_uses_what_it_holds_under_the_name_of_a_prompt() -> None:
    """The values of a LangChain template are part of a prompt, whatever the user's code does."""
    template = PromptTemplate.from_template("Answer as {role}.", partial_variables={"role": "a guide to the town"})
    assert used_in(uses(template, {}), template)["attr", "partial_variables"] == {"prompt"}


def test_an_object_is_described_if_what_holds_it_is_given_as_tools() -> None:
    """By whatever containers it is held."""
    schema = {"title": "Answer", "properties": {}}
    root = partial(node, [schema])
    assert uses(root, {("var", id(node.__code__), "state"): {((), "tools"), ((None,), "tools")}}).described(id(schema))
    assert not uses(root, {}).described(id(schema))
