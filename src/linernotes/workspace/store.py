"""`Workspace`: one folder that holds a sealed corpus, a catalogue, rankings, statements and runs.

::

    WORKSPACE/
    ├── workspace.sqlite     the registry (tables in `linernotes.workspace.schema`)
    ├── fingerprints/        indexes of other packages, made on demand by `Workspace.folder`
    ├── log/                 the audit log
    └── runs/                run folders

Conventions
-----------
A workspace appears whole or not at all. A sealed corpus is never exchanged: other audio or other rights
are another corpus, because rankings and statements name the root of theirs. It gets another workspace, or,
where it names the corpus held as the snapshot before it, the next place in the chain.

Known limits
------------
Audio stays where it is; the workspace keeps its place, relative to the workspace's own parent folder where
it lies below that, so that both can be moved together.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from linernotes.catalog.recording import Recording
from linernotes.errors import CorpusError, InputError, NewerRevision
from linernotes.workspace import snapshots
from linernotes.workspace.consent_history import SavedConsent
from linernotes.workspace.consent_history import now as history_time
from linernotes.workspace.consent_history import read as read_history
from linernotes.workspace.database import connect, plain_faults, plain_rows
from linernotes.workspace.migrations import upgrade
from linernotes.workspace.places import audio_places
from linernotes.workspace.registry_rows import load_registry, save_registry
from linernotes.workspace.rows import canonical_json, ranking_from_json
from linernotes.workspace.schema import CorpusRow, RankingRow, RecordingRow, StatementRow
from linernotes.workspace.snapshots import Snapshot

if TYPE_CHECKING:
    from linernotes.catalog.registry import Registry
    from linernotes.corpus.seal import SealedCorpus
    from linernotes.evidence.influence import InfluenceRanking

DATABASE = "workspace.sqlite"


class Workspace:
    """A project folder; make one with `create`, use one with `open`, in a ``with`` statement or not.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent, Workspace.create(Path(parent) / "ws") as workspace:
    ...     workspace.recordings(), workspace.folder("log").name
    ([], 'log')
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = connect(path / DATABASE)

    @classmethod
    def create(cls, path: Path | str) -> Workspace:
        """Make a new, empty workspace.

        Raises
        ------
        CorpusError
            If something is there already, or the place cannot be written to.
        """
        path = Path(path)
        _refuse_taken(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(prefix=f"{path.name}.", suffix=".partial", dir=path.parent))
        except OSError as error:
            raise _cannot_be_made(path, error) from error
        try:
            with plain_faults(path):
                upgrade(connect(partial / DATABASE))
            partial.chmod(0o755)
            _take_place(partial, path)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return cls(path)

    @classmethod
    def open(cls, path: Path | str) -> Workspace:
        """Open a workspace, bringing one of an older revision up to date.

        Raises
        ------
        CorpusError
            If there is no workspace, or its database is damaged.
        NewerRevision
            If a newer Linernotes wrote it.
        """
        path = Path(path)
        if not path.exists():
            raise CorpusError(
                f"{path}: no such workspace; make one with "
                f"'linernotes corpus seal AUDIO_DIR --rights rights.csv --out {path}'"
            )
        if not (path / DATABASE).is_file():
            raise CorpusError(
                f"{path}: not a workspace: it holds no {DATABASE}; give the folder that "
                "'linernotes corpus seal' or 'linernotes catalog add' made"
            )
        workspace = cls(path)
        try:
            with plain_rows(path / DATABASE):
                upgrade(workspace._engine)
        except CorpusError as error:
            kind = NewerRevision if isinstance(error, NewerRevision) else CorpusError
            message = str(error)
            raise kind(message if message.startswith(str(path)) else f"{path}: {message}") from error
        return workspace

    @classmethod
    def open_or_create(cls, path: Path | str) -> Workspace:
        """Open the workspace at *path*, or make one where there is nothing yet.

        Raises
        ------
        CorpusError
            As `open` and `create`.
        """
        return cls.open(path) if (Path(path) / DATABASE).exists() else cls.create(path)

    def close(self) -> None:
        """Release the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def folder(self, name: str) -> Path:
        """Return a sub-folder, made on demand.

        Raises
        ------
        InputError
            If the name is not one plain folder name.
        """
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
            raise InputError(f"folder name {name!r}: expected lower-case letters, digits, '-' and '_'")
        folder = self.path / name
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise CorpusError(
                f"{folder}: cannot be made ({error.strerror}); copy the workspace to a place you may write to"
            ) from error
        return folder

    # the corpus

    def save_corpus(self, corpus: SealedCorpus) -> None:
        """Keep a sealed corpus: the first, the next snapshot of the one held, or the same again.

        Saving the same one again only notes where its audio lies now.

        Raises
        ------
        CorpusError
            If the workspace holds a corpus that this one does not name as the snapshot before it.
        """
        with plain_faults(self.path / DATABASE), Session(self._engine) as session, session.begin():
            snapshots.save(session, self.path, corpus)

    def corpus(self, root: str | None = None) -> SealedCorpus:
        """Return the newest sealed corpus, or the snapshot of a root.

        Raises
        ------
        CorpusError
            If none has been sealed into this workspace, or none of that root.
        """
        from linernotes.corpus.seal import SealedCorpus  # its audio readers are not needed for the rest

        with plain_rows(self.path / DATABASE), Session(self._engine) as session:
            manifest = snapshots.manifest(session, root)
        if manifest is None and root is not None and self.has_corpus():
            raise CorpusError(f"{self.path}: no snapshot of root {root[:12]}… is kept here")
        if manifest is None:
            raise CorpusError(
                f"{self.path}: no corpus is sealed here; run "
                f"'linernotes corpus seal AUDIO_DIR --rights rights.csv --out {self.path}'"
            )
        with plain_rows(self.path / DATABASE):
            return SealedCorpus.from_json(json.loads(manifest))

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Return the chain of sealed corpora, oldest first; the last is the one in force."""
        with plain_rows(self.path / DATABASE), Session(self._engine) as session:
            return snapshots.chain(session)

    def has_corpus(self) -> bool:
        """Tell whether a corpus has been sealed into this workspace."""
        with plain_faults(self.path / DATABASE), Session(self._engine) as session:
            return session.scalar(select(CorpusRow.root)) is not None

    # the catalogue

    def add_recordings(
        self,
        recordings: Sequence[Recording],
        audio_dir: Path | str,
        *,
        files: Mapping[str, Path | str] | None = None,
    ) -> None:
        """Keep reference recordings; one that is there already is replaced.

        Parameters
        ----------
        recordings : sequence of Recording
            The catalogue entries.
        audio_dir : Path or str
            Folder of their audio files.
        files : dict of str to Path, optional
            For each recording id its file, absolute or relative to *audio_dir*. Without it the file whose
            stem gives the recording id is looked for in *audio_dir* and below.

        Raises
        ------
        InputError
            If a recording has no audio file.
        """
        places = audio_places(recordings, Path(audio_dir), files)
        with plain_faults(self.path / DATABASE), Session(self._engine) as session, session.begin():
            for recording in recordings:
                place = self._portable(places[recording.recording_id])
                session.merge(_recording_row(recording, place))

    def recordings(self) -> list[Recording]:
        """Return all reference recordings, by recording id."""
        with plain_rows(self.path / DATABASE), Session(self._engine) as session:
            rows = session.scalars(select(RecordingRow.facts).order_by(RecordingRow.recording_id)).all()
            return [Recording.from_json(facts) for facts in rows]

    def recording_audio(self, recording_id: str) -> Path:
        """Return where a reference recording's audio lies.

        Raises
        ------
        CorpusError
            If the catalogue has no such recording, or its file is gone.
        """
        with plain_faults(self.path / DATABASE), Session(self._engine) as session:
            place = session.scalar(
                select(RecordingRow.audio_path).where(RecordingRow.recording_id == recording_id)
            )
        if place is None:
            raise CorpusError(
                f"recording {recording_id!r}: not in the catalogue of {self.path}; "
                "add it with 'linernotes catalog add'"
            )
        path = Path(os.path.normpath(self.path.absolute().parent / place))
        if not path.is_file():
            raise CorpusError(
                f"recording {recording_id!r}: its audio {path} is gone; put it back, or run "
                "'linernotes catalog add' with the folder where it lies now"
            )
        return path

    # the rights registry

    def registry(self) -> Registry:
        """Return the registry: what was saved, the catalogue's recordings, the present state of consents.

        Raises
        ------
        CorpusError
            If the history of consent was changed outside the program.
        """
        with plain_rows(self.path / DATABASE), Session(self._engine) as session:
            return load_registry(session)

    def save_registry(self, registry: Registry) -> tuple[SavedConsent, ...]:
        """Join a registry to the one held, all of it or nothing; return the consents that were new.

        An entry of the same key takes the place of the older one. Consents are added to the history; a
        revocation is one more row. `linernotes.workflows.rights.save` does this and logs it.

        Raises
        ------
        CorpusError
            If a consent would change a statement that was saved before.
        """
        with plain_faults(self.path / DATABASE), Session(self._engine) as session, session.begin():
            return save_registry(session, registry, history_time())

    def consent_history(self) -> tuple[SavedConsent, ...]:
        """Return every statement and revocation in the order of saving, after checking their chain.

        Raises
        ------
        CorpusError
            If the history was changed outside the program.
        """
        with plain_rows(self.path / DATABASE), Session(self._engine) as session:
            return read_history(session)

    # rankings and statements

    def save_ranking(self, ranking: InfluenceRanking, run_folder: Path | str) -> None:
        """Keep a ranking; one of the same query, method, generator, corpus and seed is replaced."""
        body = ranking.as_json()
        row = RankingRow(
            query_id=ranking.query_id,
            method=ranking.method,
            generator_id=ranking.generator_id,
            corpus_root=ranking.corpus_root,
            seed=ranking.seed,
            run_folder=self._portable(Path(run_folder)),
            saved_at=_now(),
            body=canonical_json(body),
        )
        same = [
            getattr(RankingRow, name) == getattr(row, name)
            for name in ("query_id", "method", "generator_id", "corpus_root", "seed")
        ]
        with plain_faults(self.path / DATABASE), Session(self._engine) as session, session.begin():
            session.execute(delete(RankingRow).where(*same))
            session.add(row)

    def rankings(self) -> list[InfluenceRanking]:
        """Return all rankings, oldest first."""
        with plain_rows(self.path / DATABASE), Session(self._engine) as session:
            bodies = session.scalars(select(RankingRow.body).order_by(RankingRow.ranking_id)).all()
            return [ranking_from_json(json.loads(body)) for body in bodies]

    def save_statement(self, statement: Mapping[str, Any]) -> None:
        """Keep a statement; an equal one is kept once."""
        body = canonical_json(dict(statement))
        digest = hashlib.sha256(body.encode()).hexdigest()
        with plain_faults(self.path / DATABASE), Session(self._engine) as session, session.begin():
            if session.scalar(select(StatementRow).where(StatementRow.content_sha256 == digest)) is None:
                session.add(StatementRow(content_sha256=digest, saved_at=_now(), body=body))

    def statements(self) -> list[dict[str, Any]]:
        """Return all statements, oldest first."""
        with plain_rows(self.path / DATABASE), Session(self._engine) as session:
            bodies = session.scalars(select(StatementRow.body).order_by(StatementRow.statement_id)).all()
            return [json.loads(body) for body in bodies]

    def _portable(self, path: Path) -> str:
        home = self.path.absolute().parent
        path = path.absolute()
        return path.relative_to(home).as_posix() if path.is_relative_to(home) else path.as_posix()


def _take_place(partial: Path, path: Path) -> None:
    try:
        os.replace(partial, path)
    except OSError as error:
        raise _cannot_be_made(path, error) from error


def _cannot_be_made(path: Path, error: OSError) -> CorpusError:
    return CorpusError(f"{path}: cannot be made ({error.strerror}); choose a folder that you may write to")


def _refuse_taken(path: Path) -> None:
    if (path / DATABASE).exists():
        raise CorpusError(f"{path}: already a workspace; use it as it is or give another folder")
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise CorpusError(f"{path}: already exists and is not empty; give a folder that does not exist yet")


def _recording_row(recording: Recording, place: str) -> RecordingRow:
    return RecordingRow(
        recording_id=recording.recording_id,
        title=recording.title,
        artist=recording.artist,
        rightsholder=recording.rightsholder,
        isrc=recording.isrc,
        facts=recording.as_json(),
        audio_path=place,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
