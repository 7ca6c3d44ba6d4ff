"""The folder in which one project keeps its sealed corpus, catalogue, rankings, statements and runs."""

from linernotes.workspace.runs import RunFolder
from linernotes.workspace.store import Workspace

__all__ = ["RunFolder", "Workspace"]
