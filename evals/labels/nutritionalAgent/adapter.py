"""One food in the database on the web, and an empty log before every run."""

from typing import Any

import httpx


class Found:
    def __init__(self, foods: list[dict[str, Any]]) -> None:
        self.foods = foods

    def raise_for_status(self) -> None:
        return

    def json(self) -> dict[str, Any]:
        return {"foods": self.foods}


def get(url: str, *, params: dict[str, Any], **_: Any) -> Found:
    banana = {"description": "Banana", "foodNutrients": [{"nutrientId": 1008, "value": 89}]}
    return Found([] if params["query"] == "nothing" else [banana])


def prepare() -> None:
    httpx.get = get  # type: ignore[assignment]


async def seed(store: Any) -> None:
    from src.tools.macro_tracker import reset_daily_log

    reset_daily_log()
