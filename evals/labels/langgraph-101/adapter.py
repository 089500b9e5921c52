"""Stand-in for the shop's database, which is fetched from the network."""

from strangers.standins import Standin


class SQLDatabase(Standin):
    def run(self, query: str, **_: object) -> str:
        return "[]"


class Engine(Standin):
    pass


def prepare() -> None:
    import deepagents.backends as backends
    import langchain_community.utilities.sql_database as sql
    import utils.utils

    # The project was written for a version whose store needed no namespace.
    namespaced = backends.StoreBackend
    backends.StoreBackend = lambda: namespaced(namespace=lambda _: ("memories",))
    sql.SQLDatabase = SQLDatabase
    utils.utils.get_engine_for_chinook_db = Engine
