"""What runs inside a worker process, and the handle by which the engine holds it.

Messages to the worker are ``("fold", pickled fold)`` and ``("shard", index, items)``; its answers are
``("done", pickled state)`` and ``("failed", exception)``. A worker ends by itself when the process that
started it is gone, however that one ended.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from linernotes.errors import LinernotesError
from linernotes.execution.threads import limit_torch


@dataclass(frozen=True, eq=False)
class Worker:
    """A worker process and the engine's end of its pipe."""

    process: BaseProcess
    connection: Connection

    def kill(self) -> None:
        """End the process at once and close the pipe."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def start_worker() -> Worker:
    """Spawn one worker; the caller sets the environment that it inherits."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=True)
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    with _interrupts_held_back():
        process.start()
    theirs.close()  # only the worker holds it now: its death closes the pipe
    return Worker(process, ours)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let the worker be born deaf to Ctrl-C, which a terminal sends to all; ours is delivered afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the engine decides when to stop
    threading.Thread(target=_end_with_parent, daemon=True).start()
    fold: Any = None
    unusable: BaseException | None = None
    while True:
        try:
            message = pickle.loads(connection.recv_bytes())  # noqa: S301  (from our own engine)
        except (EOFError, OSError):
            return
        except Exception as error:
            connection.send_bytes(_answer("failed", _portable(error)))
            continue
        if message[0] == "fold":
            fold, unusable = _unpickled_fold(message[1])
        elif unusable is not None:
            connection.send_bytes(_answer("failed", unusable))
        else:
            connection.send_bytes(_computed(fold, message[2]))


def _unpickled_fold(body: bytes) -> tuple[Any, BaseException | None]:
    try:
        fold = pickle.loads(body)  # noqa: S301  (from our own engine)
    except Exception as error:
        return None, _portable(error)
    limit_torch()  # unpickling may have imported it
    return fold, None


def _computed(fold: Any, items: Any) -> bytes:
    limit_torch()
    try:
        state = fold.add(fold.start(), items)
        return _answer("done", pickle.dumps(state, protocol=5))
    except Exception as error:
        return _answer("failed", _portable(error))


def _answer(kind: str, payload: object) -> bytes:
    return pickle.dumps((kind, payload), protocol=5)


def _portable(error: Exception) -> BaseException:
    """Return the error itself if it survives pickling, else a plain one with its words."""
    error.add_note("raised in a worker process")
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  (pickled on this line)
    except Exception:
        return LinernotesError(f"a worker process failed: {type(error).__qualname__}: {error}")
    return error


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
