"""Engines that run folds: one for-loop, local processes, and the store that lets a run resume."""

from linernotes.execution.processes import ProcessRunner
from linernotes.execution.resume import ShardStore
from linernotes.execution.serial import SerialRunner

__all__ = ["ProcessRunner", "SerialRunner", "ShardStore"]
