"""`python -m langgraph_gepa` is the console script."""

from langgraph_gepa.cli import main

if __name__ == "__main__":
    main()
