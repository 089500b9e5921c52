"""No metrics, the project's own mock documents in turn, and modules that newer langchain keeps elsewhere."""

import sys

import langchain_core.documents
import langchain_core.prompts
from strangers.standins import Standin


def prepare() -> None:
    import opentelemetry
    import opentelemetry.sdk.resources as resources

    opentelemetry.trace = Standin()
    resources.Resource = Standin()
    for name, module in (("schema", langchain_core.documents), ("prompts", langchain_core.prompts)):
        sys.modules[f"langchain.{name}"] = module
    from agent import tools

    # The project picks by a hash that differs from process to process.
    tools._stable_choice = lambda query: tools.MOCK_POOL[len(query) % 2]
