"""A sandbox in which code that says "broken" fails and everything else answers 12."""

from typing import Any

from strangers.standins import Standin, canned


class Process(Standin):
    def code_run(self, code: str) -> Any:
        return canned(exit_code=1, result="NameError")() if "broken" in code else canned(exit_code=0, result="12")()

    def exec(self, _: str) -> Any:
        return canned(exit_code=0, result="done")()


class Daytona(Standin):
    def find_one(self, _: str) -> Any:
        return canned(process=Process())()


def prepare() -> None:
    import daytona

    daytona.Daytona = Daytona
