"""Every error that Linernotes raises, in one tree.

::

    LinernotesError
    ├── InputError              a file or value given by the caller is not usable
    │   └── TooShort            audio holds less than the one segment that a method needs
    ├── CorpusError             a corpus, catalogue or workspace contradicts itself or the request
    │   └── NewerRevision       it was written by a newer revision of Linernotes
    ├── NotDisclosed            the question is about recordings that nobody disclosed
    ├── NotFitted               a method was asked before it was fitted or trained
    ├── UnsupportedGenerator    a generator lacks what a method needs
    ├── VerificationError       a proof, signature, hash or receipt does not hold
    ├── PolicyRefusal           a declared policy says no
    └── MissingExtra            an optional dependency is not installed

A message says what, which value, what was expected, and what to do next.
"""

from __future__ import annotations


class LinernotesError(Exception):
    """Root of the tree; carries the exit code of the command line.

    Examples
    --------
    >>> InputError("beat.wav: 0 samples; expected audio").exit_code
    3
    """

    exit_code = 3


class InputError(LinernotesError):
    """A file or value given by the caller is not usable."""


class TooShort(InputError):
    """Audio holds less than the one segment that a method needs."""


class CorpusError(LinernotesError):
    """A corpus, catalogue or workspace contradicts itself or the request."""


class NewerRevision(CorpusError):
    """A workspace or file was written by a newer revision of Linernotes."""


class NotDisclosed(LinernotesError):
    """The question is about recordings that nobody disclosed."""


class NotFitted(LinernotesError):
    """A method was asked before it was fitted or trained."""


class UnsupportedGenerator(LinernotesError):
    """A generator lacks what a method needs."""


class VerificationError(LinernotesError):
    """A proof, signature, hash or receipt does not hold."""

    exit_code = 1


class PolicyRefusal(LinernotesError):
    """A declared policy says no."""

    exit_code = 1


class MissingExtra(LinernotesError):
    """An optional dependency is not installed."""

    exit_code = 4
