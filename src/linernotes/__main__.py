"""Lets ``python -m linernotes`` do what ``linernotes`` does."""

from linernotes.cli.main import run

if __name__ == "__main__":
    run()
