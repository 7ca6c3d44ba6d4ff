"""Contract suites: what a third party runs to learn whether a plugin keeps the house's promises."""

from linernotes.testing.runner import check_runner

__all__ = ["check_runner"]
