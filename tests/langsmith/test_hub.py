"""Better prompts, in LangSmith's hub."""

from __future__ import annotations

from dataclasses import replace
from inspect import signature
from typing import Any

import pytest
from langsmith import Client
from typer.testing import CliRunner

from langgraph_gepa import Result
from langgraph_gepa.cli import app
from langgraph_gepa.core.events import CandidateAdmitted
from langgraph_gepa.errors import UsageError
from langgraph_gepa.langsmith.hub import names_of
from langgraph_gepa.search.pool import Pool


def client() -> Client:
    return Client(auto_batch_tracing=False)


def test_changed_prompts_come_back_as_they_were_pushed(result: Result, smith: Any) -> None:
    """What a colleague pulls is a template with the program's placeholders; the address is the commit's."""
    seed, best = result.pool.candidates[0].texts, result.prompts
    changed = {name for name in best if best[name] != seed[name]}
    assert "answer" in changed
    urls = result.push_prompts("Letter desk")
    assert urls.keys() == changed
    prompt = client().pull_prompt("letter-desk-answer")
    assert prompt.input_variables == ["name"]
    assert prompt.invoke({"name": "Ada"}).to_messages()[0].text == best["answer"].format(name="Ada")
    (commit,) = smith.repos["letter-desk-answer"]
    if "commit_description" in signature(Client.push_prompt).parameters:  # older versions of the SDK know of none
        assert commit["description"] == f"Candidate {result.best.id} of langgraph-gepa run run."
    assert f"/prompts/letter-desk-answer/{commit['commit_hash'][:8]}?" in urls["answer"]


def test_the_same_text_is_not_committed_twice(result: Result, smith: Any) -> None:
    """A second push gives the same addresses and no commit; one over another text is a commit."""
    first = result.push_prompts("desk")
    assert result.push_prompts("desk") == first
    assert {len(commits) for commits in smith.repos.values()} == {1}
    client().push_prompt("desk-answer", object=client().pull_prompt("desk-sort"))
    again = result.push_prompts("desk")["answer"]
    assert again != first["answer"]
    assert len(smith.repos["desk-answer"]) == 3


def test_a_text_that_the_search_left_is_not_pushed(result: Result, smith: Any) -> None:
    """Of a run whose best candidate is the seed nothing is, and LangSmith is not called."""
    events = [event for _, event in result.saved.events]
    admitted = next(n for n, event in enumerate(events) if isinstance(event, CandidateAdmitted))
    early = Result(replace(result.saved, pool=Pool.replay(events[: admitted + 1])))
    assert early.push_prompts("desk") == {}
    assert not smith.requests


def test_names_have_the_letters_that_langsmith_allows() -> None:
    """Small letters, digits and dashes, each module another, whatever modules are called."""
    names = names_of("7 Help/Desk", ["team/writer.Prompt", "team/writer.prompt", "Größe", "§"])
    assert list(names.values()) == ["help-desk-team-writer-prompt", "help-desk-team-writer-prompt-2",
                                    "help-desk-gr-e", "help-desk"]  # fmt: skip
    with pytest.raises(UsageError, match="'42' gives no name for a prompt"):
        names_of("42", [])


def test_push_on_the_command_line(result: Result, smith: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`push --prompts` prints an address for each changed prompt; what is missing is named, and exits with 2."""

    def call(line: str) -> Any:
        return CliRunner().invoke(app, line.split())

    done = call("push run --prompts desk")
    assert [line.split(": ")[0] for line in done.stdout.splitlines()] == [*result.push_prompts("desk")]
    assert (call("push run").exit_code, call("push nowhere --prompts desk").exit_code) == (2, 2)
    smith.busy(403, {"error": "Forbidden"})
    refused = call("push run --prompts desk")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("The prompts cannot be pushed: the key may not do this (403): check LANGSMITH_API")
