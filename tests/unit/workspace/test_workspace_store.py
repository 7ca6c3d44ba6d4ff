"""A workspace keeps what it is given, appears whole, and names what is wrong with it."""

import os
import shutil
import sqlite3
from dataclasses import replace

import pytest
from sqlalchemy import inspect, text

from linernotes.catalog.recording import Recording
from linernotes.corpus.manifest import Item
from linernotes.corpus.seal import seal_items
from linernotes.errors import CorpusError, InputError, NewerRevision
from linernotes.evidence.influence import Influence, InfluenceRanking
from linernotes.evidence.reliability import Reliability
from linernotes.workspace import Workspace
from linernotes.workspace.database import connect
from linernotes.workspace.migrations import MIGRATIONS, Migration, upgrade
from linernotes.workspace.schema import Base


def an_item(item_id):
    return Item(
        item_id=item_id, path=f"{item_id}.ogg", content_sha256="ab" * 32, audio_sha256="cd" * 32,
        duration_s=12.5, sample_rate=16000, n_channels=1, coding="OGG/VORBIS", consent=None,
        cluster_id=item_id,
        recording=Recording(recording_id=item_id, title="Regen «1»", artist="Ada", tags=("folk",)),
    )  # fmt: skip


def a_corpus(*item_ids):
    return seal_items([an_item(one) for one in item_ids], [], audio_dir="music", secret=b"\7" * 32)


def a_ranking(query="q1", seed=0, share=0.7, reliability=None):
    return InfluenceRanking(
        query_id=query, method="unlearning", unit="nats", generator_id="ref-1", corpus_root="aa", seed=seed,
        influences=(Influence(item_id="rain", score=0.1 + 0.2, share=share, interval=(0.1, 0.8), rank=1),),
        unattributed_share=1 - share, reliability=reliability,
    )  # fmt: skip


A_RELIABILITY = Reliability(
    method="unlearning", generator_id="ref-1", corpus_root="aa", lds=0.31, interval=(0.2, 0.4), ceiling=0.6,
    baselines={"random": 0.01}, n_subsets=40, n_seeds=2, n_queries=30,
)  # fmt: skip


@pytest.fixture
def workspace(tmp_path):
    with Workspace.create(tmp_path / "ws") as made:
        yield made


def test_a_sealed_corpus_comes_back_as_it_was(workspace):
    corpus = a_corpus("rain", "sun")
    workspace.save_corpus(corpus)
    assert workspace.has_corpus()
    with Workspace.open(workspace.path) as again:
        assert again.corpus() == corpus
        again.corpus().verify()


def test_a_seal_is_never_exchanged_but_its_audio_may_move(workspace):
    corpus = a_corpus("rain")
    workspace.save_corpus(corpus)
    workspace.save_corpus(replace(corpus, audio_dir="elsewhere", sealed_at="2030-01-01T00:00:00+00:00"))
    assert workspace.corpus() == replace(corpus, audio_dir="elsewhere")
    with pytest.raises(CorpusError, match="a seal is never exchanged"):
        workspace.save_corpus(a_corpus("rain", "sun"))
    assert workspace.corpus().root == corpus.root


def test_no_corpus_names_the_next_step(workspace):
    assert not workspace.has_corpus()
    with pytest.raises(CorpusError, match="no corpus is sealed here; run 'linernotes corpus seal"):
        workspace.corpus()


def test_rankings_come_back_exactly_and_a_repeated_one_replaces(workspace, tmp_path):
    first, second = a_ranking(), a_ranking("q2", reliability=A_RELIABILITY)
    for ranking in (first, second, replace(first, seed=1)):
        workspace.save_ranking(ranking, tmp_path / "runs" / "attribute-1")
    assert workspace.rankings() == [first, second, replace(first, seed=1)]
    workspace.save_ranking(a_ranking(share=0.4), tmp_path / "runs" / "attribute-2")
    assert workspace.rankings() == [second, replace(first, seed=1), a_ranking(share=0.4)]


def test_statements_are_kept_once(workspace):
    workspace.save_statement({"pool": "10.00 EUR", "lines": [{"party": "Ünal", "amount_minor": 1000}]})
    workspace.save_statement({"lines": [{"party": "Ünal", "amount_minor": 1000}], "pool": "10.00 EUR"})
    workspace.save_statement({"pool": "11.00 EUR", "lines": []})
    assert [one["pool"] for one in workspace.statements()] == ["10.00 EUR", "11.00 EUR"]


def test_recordings_know_where_their_audio_lies_even_after_a_move(tmp_path):
    audio = tmp_path / "home" / "audio" / "Disc 1"
    audio.mkdir(parents=True)
    (audio / "Café.ogg").write_bytes(b"x")
    with Workspace.create(tmp_path / "home" / "ws") as workspace:
        cafe = Recording(recording_id="cafe", title="Café", artist="Ada", tags=("a", "b"), isrc="not a code")
        workspace.add_recordings([cafe], audio.parent)
        workspace.add_recordings([replace(cafe, title="Café 2")], audio.parent)
        assert workspace.recordings() == [replace(cafe, title="Café 2")]
        assert workspace.recording_audio("cafe") == audio / "Café.ogg"
    shutil.move(tmp_path / "home", tmp_path / "moved")
    with Workspace.open(tmp_path / "moved" / "ws") as workspace:
        moved = workspace.recording_audio("cafe")
        assert moved.read_bytes() == b"x"
        moved.unlink()
        with pytest.raises(CorpusError, match=r"its audio .* is gone"):
            workspace.recording_audio("cafe")
        with pytest.raises(CorpusError, match="recording 'tea': not in the catalogue"):
            workspace.recording_audio("tea")


def test_files_may_be_named(workspace, tmp_path):
    (tmp_path / "one.wav").write_bytes(b"x")
    rain = Recording(recording_id="rain", title="Rain", artist="Ada")
    with pytest.raises(InputError, match="recording 'rain': no audio file of that name"):
        workspace.add_recordings([rain], tmp_path)
    assert workspace.recordings() == []
    workspace.add_recordings([rain], tmp_path, files={"rain": "one.wav"})
    assert workspace.recording_audio("rain") == tmp_path / "one.wav"


def test_a_folder_is_one_plain_name(workspace):
    assert workspace.folder("log") == workspace.path / "log"
    assert workspace.folder("log").is_dir()
    for name in ("", "../log", "a/b", "Log", "."):
        with pytest.raises(InputError, match="folder name"):
            workspace.folder(name)


def test_creation_leaves_nothing_half_made(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(CorpusError, match=r"cannot be made \(No space"):
        Workspace.create(tmp_path / "ws")
    assert list(tmp_path.iterdir()) == []


def test_a_taken_place_is_refused(tmp_path):
    Workspace.create(tmp_path / "ws").close()
    with pytest.raises(CorpusError, match="already a workspace"):
        Workspace.create(tmp_path / "ws")
    with pytest.raises(CorpusError, match="already exists and is not empty"):
        Workspace.create(tmp_path)
    (tmp_path / "empty").mkdir()
    Workspace.create(tmp_path / "empty").close()
    Workspace.open_or_create(tmp_path / "empty").close()
    Workspace.open_or_create(tmp_path / "new").close()
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match="cannot be made"):
        Workspace.create(tmp_path / "file" / "ws")
    with pytest.raises(CorpusError, match="already exists"):
        Workspace.create(tmp_path / "file")


def test_what_is_no_workspace_is_named(tmp_path):
    with pytest.raises(CorpusError, match="no such workspace; make one with 'linernotes corpus seal"):
        Workspace.open(tmp_path / "nothing")
    with pytest.raises(CorpusError, match=r"not a workspace: it holds no workspace\.sqlite"):
        Workspace.open(tmp_path)


def read_everything(path):
    with Workspace.open(path) as opened:
        return opened.corpus(), opened.rankings(), opened.recordings(), opened.statements()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("noise", "not an SQLite file"),
        ("cut", "damaged|malformed"),
        ("foreign", "holds other tables"),
        ("flipped", "."),
    ],
)
def test_a_damaged_database_is_named(tmp_path, fault, reason):
    with Workspace.create(tmp_path / "ws") as workspace:
        workspace.save_corpus(a_corpus(*(f"item-{i:03}" for i in range(60))))
    path = tmp_path / "ws" / "workspace.sqlite"
    whole = path.read_bytes()
    if fault == "noise":
        path.write_bytes(b"not a database at all " * 400)
    elif fault == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif fault == "flipped":
        path.write_bytes(whole[:4096] + b"\xff" * 8192 + whole[12288:])
    else:
        path.unlink()
        sqlite3.connect(path).execute("CREATE TABLE photos (name TEXT)")
    with pytest.raises(CorpusError, match=reason):
        read_everything(tmp_path / "ws")


def test_a_read_only_database_is_named(tmp_path):
    with Workspace.create(tmp_path / "ws") as workspace:
        workspace.save_statement({"pool": 1})

        def read_only(connection, _record):
            connection.execute("PRAGMA query_only = ON")  # permissions do not bind a test that runs as root

        from sqlalchemy import event

        event.listen(workspace._engine, "connect", read_only)
        assert workspace.statements() == [{"pool": 1}]
        with pytest.raises(CorpusError, match="not writable; copy it to a place where you may write"):
            workspace.save_statement({"pool": 2})


def columns(path):
    return {
        table: {c["name"] for c in inspect(connect(path)).get_columns(table)}
        for table in Base.metadata.tables
    }


def test_an_older_workspace_is_brought_up_to_date_whole_or_not_at_all(tmp_path):
    with Workspace.create(tmp_path / "ws") as workspace:
        workspace.save_statement({"pool": 1})
    path = tmp_path / "ws" / "workspace.sqlite"

    def add_due(connection):
        connection.execute(text("ALTER TABLE statement ADD COLUMN due TEXT"))

    def add_currency(connection):
        connection.execute(text("ALTER TABLE statement ADD COLUMN currency TEXT"))
        connection.execute(text("UPDATE statement SET currency = 'EUR'"))

    def fail(connection):
        connection.execute(text("ALTER TABLE statement ADD COLUMN lost TEXT"))
        raise OSError("power cut")

    newest = MIGRATIONS[-1].revision
    steps = [
        *MIGRATIONS,
        Migration(newest + 1, "due", add_due),
        Migration(newest + 2, "currency", add_currency),
    ]
    with pytest.raises(OSError, match="power cut"):
        upgrade(connect(path), [*steps, Migration(newest + 3, "fails", fail)])
    assert {"due", "currency", "lost"}.isdisjoint(columns(path)["statement"])
    assert upgrade(connect(path), steps) == [newest + 1, newest + 2]
    assert upgrade(connect(path), steps) == []
    assert {"due", "currency"} <= columns(path)["statement"]
    with pytest.raises(
        NewerRevision, match=f"revision {newest + 2}, this program knows revisions up to {newest};"
    ):
        Workspace.open(tmp_path / "ws")


def test_the_migrations_lead_to_the_tables_of_the_schema(tmp_path):
    upgrade(connect(tmp_path / "migrated.sqlite"))
    Base.metadata.create_all(connect(tmp_path / "direct.sqlite"))
    assert columns(tmp_path / "migrated.sqlite") == columns(tmp_path / "direct.sqlite")
    assert [step.revision for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
