"""A search that finds one page; no report on paper, and no memory of earlier answers."""

import os
from typing import Any


class Forgetful(dict[str, Any]):
    def __contains__(self, key: object) -> bool:
        return False


def prepare() -> None:
    os.environ |= {"GROQ_BASE_URL": os.environ["OPENAI_BASE_URL"], "SERPAPI_KEY": "simulated"}
    from src import pdf_generator
    from src.tools import groq_client, search

    groq_client._load_cache = Forgetful
    groq_client._save_cache = lambda _: None
    page = {"title": "A page", "url": "https://example.org/a", "snippet": "Tea sells."}
    search.SearchTool.web_search = lambda *_, **__: [page]
    search.SearchTool.fetch_full_page = lambda *_: "Tea sells everywhere."
    pdf_generator.generate_pdf_report = lambda *_, filename, **__: filename


def inputs() -> dict[str, Any]:
    from src.state import init_state

    return dict(init_state("tea"))
