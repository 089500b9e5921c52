"""A PDF of one page; what is posted to a local model's own address goes to the simulated one."""

import os
from typing import Any

import httpx
from strangers.standins import Standin, canned


class Page(Standin):
    def extract_text(self) -> str:
        return "This agreement is made between Tea Ltd and Ana, an employee."


class Answer:
    status_code = 200

    def __init__(self, text: str) -> None:
        self.text = text

    def json(self) -> dict[str, str]:
        return {"response": self.text}


def post(url: str, json: dict[str, Any], **_: Any) -> Answer:
    asked = {"model": json["model"], "messages": [{"role": "user", "content": json["prompt"]}]}
    given = httpx.post(f"{os.environ['OPENAI_BASE_URL']}/chat/completions", json=asked).json()
    return Answer(given["choices"][0]["message"]["content"])


def prepare() -> None:
    import pypdf
    import requests

    pypdf.PdfReader = canned(pages=[Page()])
    requests.post = post  # type: ignore[assignment]
