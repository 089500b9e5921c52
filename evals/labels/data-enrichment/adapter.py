"""Stand-in for the web: one page, whatever is asked for."""

from strangers.standins import Standin


class _Response(Standin):
    async def text(self) -> str:
        return "A page."


class _Entered(Standin):
    async def __aenter__(self) -> Standin:
        return _Response()

    async def __aexit__(self, *_: object) -> None:
        return


class ClientSession(_Entered):
    async def __aenter__(self) -> Standin:
        return _Session()


class _Session(Standin):
    def get(self, url: str) -> Standin:
        return _Entered()


def prepare() -> None:
    import aiohttp

    aiohttp.ClientSession = ClientSession
