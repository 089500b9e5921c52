"""A small table of applications in place of the spreadsheet; a page of the web; nothing is written."""

from typing import Any

from strangers.standins import Standin, canned

HEADERS = ["Company", "Position", "JD", "Application Link", "Applied on", "Status"]
ROWS = [
    ["Tea Ltd", "Taster", "Taste teas.", "", "2026-01-05", "applied"],
    ["", "", "", "https://example.org/job", "2026-01-06", "rejected"],
]
PAGE = "Tea Ltd looks for a taster of teas. " * 10


class Sheet:
    def __getitem__(self, _: int) -> list[Any]:
        return [canned(value=name)() for name in HEADERS]

    def iter_rows(self, **_: Any) -> list[list[str]]:
        return ROWS

    def cell(self, **_: Any) -> Standin:
        return Standin()


def prepare() -> None:
    import streamlit

    streamlit.session_state = {}


def _patched() -> None:
    import nodes
    import tools

    tools._load_excel = lambda: (canned(active=Sheet())(), Sheet())
    tools._save_excel = lambda _: None
    nodes.scrape_job_url = lambda _: PAGE
    nodes.save_cover_letter = nodes.save_interview_prep = lambda *_: "letter.docx"


def team() -> Any:
    _patched()
    from supervisor import supervisor

    return supervisor


def career() -> Any:
    _patched()
    from agents.career_agent import build_career_agent

    return build_career_agent()
