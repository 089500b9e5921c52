"""The project's provider is one of those that are simulated."""


def prepare() -> None:
    import langchain_groq
    import langchain_mistralai.chat_models

    langchain_mistralai.chat_models.ChatMistralAI = langchain_groq.ChatGroq
