"""The graphs over the project's own services in a folder of their own, with its approved skills; a web of one page.

The deep agents' framework is stood in for by an agent whose prompt ends with the memory and whose sub-agents are tools.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.tools import BaseTool, StructuredTool

OUTPUT = Path(tempfile.mkdtemp())
URL = "https://docs.example.org/stores"


def create_deep_agent(
    model: Any, tools: Sequence[BaseTool], subagents: Sequence[dict[str, Any]], system_prompt: str,
    memory: Sequence[str], backend: Any, **_: Any,
) -> Any:  # fmt: skip
    kept = "\n\n".join(Path(backend, path).read_text(encoding="utf-8") for path in memory)
    return create_agent(
        model, [*tools, *(_tool(model, one) for one in subagents)], system_prompt=f"{system_prompt}\n\n{kept}"
    )


def _tool(model: Any, subagent: dict[str, Any]) -> BaseTool:
    agent = create_agent(model, subagent.get("tools", []), system_prompt=subagent["system_prompt"])

    def ask(task: str) -> str:
        return agent.invoke({"messages": [("user", task)]})["messages"][-1].text

    return StructuredTool.from_function(ask, name=subagent["name"], description=subagent["description"])


def search(query: str, **_: Any) -> list[Any]:
    """Nothing for the queries that are tried first."""
    from blog_series_agent.services.research_tools import WebSearchHit

    if query.endswith(("engineering", "2025", "lessons", "practices")):
        return []
    return [WebSearchHit(title="Stores", url=url, snippet="A page on stores.") for url in (URL, f"{URL}/gone")]


def fetch(url: str, **_: Any) -> Any:
    from blog_series_agent.services.research_tools import FetchedPage

    if url.endswith("gone"):
        return FetchedPage(url, "", "", 0, success=False, error="404")
    return FetchedPage(url, "Stores", "A page.", 2, True, f"{URL}.png", "A store")


def prepare() -> None:
    import deepagents
    import deepagents.backends
    from blog_series_agent.services import research_tools

    deepagents.create_deep_agent = create_deep_agent
    deepagents.backends.FilesystemBackend = lambda root_dir, **_: str(root_dir)
    research_tools.web_search, research_tools.fetch_page_text = search, fetch
    (OUTPUT / "memory").mkdir(exist_ok=True)
    shutil.copy("data/memory/approved_skills.json", OUTPUT / "memory")


def _config() -> Any:
    from blog_series_agent.config.settings import SeriesRunConfig

    return SeriesRunConfig(topic="ML System Design", num_parts=1, output_dir=OUTPUT, enable_web_search=True)


def _made(build: str) -> Any:
    from blog_series_agent.graphs import graph
    from blog_series_agent.models import OpenAICompatibleLLMClient
    from blog_series_agent.services.approval_service import ApprovalService
    from blog_series_agent.services.artifact_service import ArtifactService
    from blog_series_agent.services.content_lint import ContentLintService
    from blog_series_agent.services.evaluation_service import EvaluationService
    from blog_series_agent.services.memory_service import MemoryService
    from blog_series_agent.services.observability import ObservabilityService
    from blog_series_agent.services.pipeline import PipelineService
    from blog_series_agent.utils.prompts import PromptLoader

    config, artifacts = _config(), ArtifactService(OUTPUT)
    pipeline = PipelineService(
        settings=None,
        prompt_loader=PromptLoader(),
        artifact_service=artifacts,
        approval_service=ApprovalService(OUTPUT),
        content_lint_service=ContentLintService(),
        evaluation_service=EvaluationService(artifacts),
        memory_service=MemoryService(OUTPUT / "memory"),
        observability_service=ObservabilityService(),
    )
    llm = OpenAICompatibleLLMClient(config.model, "simulated", os.environ["OPENAI_BASE_URL"])
    context = pipeline._build_graph_context(llm, config)
    return getattr(graph, build)(context, artifacts.create_run_manifest(config))


def outline() -> Any:
    return _made("build_outline_graph")


def blog() -> Any:
    return _made("build_blog_graph")


def topic() -> dict[str, Any]:
    return {"config": _config()}


def chapter() -> dict[str, Any]:
    from blog_series_agent.schemas.series import BlogSeriesOutline, BlogSeriesPart

    part = BlogSeriesPart(
        part_number=1, title="Feature stores", slug="feature-stores", purpose="To choose one.",
        prerequisite_context=[], key_concepts=["stores"], recommended_diagrams=[],
    )  # fmt: skip
    whole = BlogSeriesOutline(
        topic="ML System Design", target_audience="intermediate", narrative_arc="From data to serving.",
        learning_goals=["Choose a store."], parts=[part],
    )  # fmt: skip
    return {
        "config": _config(),
        "series_outline": whole,
        "current_part": part,
        "approval_iteration": 0,
        "length_expansion_iteration": 0,
    }
