"""A search that finds one page."""

from strangers.standins import Standin


class Search(Standin):
    def invoke(self, query: str) -> str:
        return "snippet: A page, title: Tea, link: https://example.org/a"


def prepare() -> None:
    import langchain_community.tools as tools

    tools.DuckDuckGoSearchResults = Search
