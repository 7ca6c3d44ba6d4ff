"""Contract suites: what a third party runs to learn whether a plugin keeps the house's promises."""

from linernotes.testing.attributor import check_attributor
from linernotes.testing.generator import check_generator
from linernotes.testing.promises import BrokenPromise
from linernotes.testing.runner import check_runner

__all__ = ["BrokenPromise", "check_attributor", "check_generator", "check_runner"]
