"""The registry survives its tables; consents are added, never edited; older workspaces are brought along."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

import pytest
from sqlalchemy import text

from linernotes.catalog.consent_record import ConsentRecord
from linernotes.catalog.credits import Credit, Split
from linernotes.catalog.entities import Identifier, Party, Release, Work
from linernotes.catalog.recording import Recording
from linernotes.catalog.registry import Registry
from linernotes.corpus.manifest import Item
from linernotes.corpus.seal import seal_items
from linernotes.errors import CorpusError
from linernotes.workspace import Workspace
from linernotes.workspace.consent_history import first_saved
from linernotes.workspace.database import connect
from linernotes.workspace.migrations import MIGRATIONS, upgrade
from linernotes.workspace.schema import Base

SAID = ConsentRecord(
    record_id="c1", subject_kind="recording", subject="rain", layer="master", use="all", value="allow",
    given_on="2025-03-01", evidence="contract 17", authority="owner",
)  # fmt: skip
REGISTRY = Registry(
    recordings=(Recording(recording_id="rain", title="Regen «1»", artist="Ada", tags=("folk",)),),
    works=(Work(work_id="w1", title="Rain", writers=("Ada",), recordings=("rain",)),),
    releases=(Release(release_id="l1", title="Weather", date="2019"),),
    parties=(Party(party_id="ada", name="Ada", isni="000000012281955X"),),
    credits=(Credit(subject_kind="recording", subject_id="rain", party_id="ada", role="singer"),),
    splits=(
        Split(subject_kind="work", subject_id="w1", layer="publishing", party_id="ada", share=Fraction(1, 3)),
        Split(
            subject_kind="work", subject_id="w1", layer="publishing", party_id="ada", share=Fraction(2, 3),
            territory="DE", valid_from="2025-01-01",
        ),
    ),
    consents=(SAID,),
    identifiers=(
        Identifier(subject_kind="recording", subject_id="rain", kind="isrc", value="QZES81912346", source="a.csv"),
    ),
)  # fmt: skip


@pytest.fixture
def workspace(tmp_path):
    with Workspace.create(tmp_path / "ws") as made:
        yield made


def test_a_registry_comes_back_as_it_was(workspace):
    assert workspace.registry() == Registry()
    assert [saved.sequence for saved in workspace.save_registry(REGISTRY)] == [1]
    assert workspace.save_registry(REGISTRY) == ()
    with Workspace.open(workspace.path) as again:
        assert again.registry() == REGISTRY


def test_an_entry_of_the_same_key_takes_the_place_and_others_stay(workspace):
    workspace.save_registry(REGISTRY)
    half = replace(REGISTRY.splits[0], share=Fraction(1, 2))
    renamed = Recording(recording_id="rain", title="Rain", artist="Ada")
    workspace.save_registry(Registry(recordings=(renamed,), splits=(half,)))
    found = workspace.registry()
    assert found.recordings == (renamed,)
    assert found.splits == (half, REGISTRY.splits[1])
    assert found.parties == REGISTRY.parties


def test_many_entries_are_kept(workspace):
    many = tuple(Recording(recording_id=f"r{i:04}", title="x", artist="y") for i in range(1001))
    workspace.save_registry(Registry(recordings=many))
    workspace.save_registry(Registry(recordings=many))
    assert workspace.registry().recordings == many


def test_the_catalogue_s_recordings_are_part_of_it(workspace, tmp_path):
    (tmp_path / "sun.wav").touch()
    workspace.add_recordings(
        [Recording(recording_id="sun", title="Sun", artist="Bo")], tmp_path, files={"sun": "sun.wav"}
    )
    workspace.save_registry(REGISTRY)
    assert [one.recording_id for one in workspace.registry().recordings] == ["rain", "sun"]


def test_a_revocation_is_a_further_row_and_is_not_taken_back(workspace):
    workspace.save_registry(REGISTRY)
    withdrawn = SAID.revoked("2025-06-01")
    workspace.save_registry(Registry(consents=(withdrawn,)))
    assert workspace.registry().consents == (withdrawn,)
    assert [saved.record for saved in workspace.consent_history()] == [SAID, withdrawn]
    workspace.save_registry(REGISTRY)  # the old file once more: nothing changes
    assert workspace.registry().consents == (withdrawn,)
    with pytest.raises(CorpusError, match="a revocation is not taken back"):
        workspace.save_registry(Registry(consents=(replace(SAID, revoked_on="2025-07-01"),)))
    earlier = replace(SAID, revoked_on="2025-05-01")
    workspace.save_registry(Registry(consents=(earlier,)))
    assert workspace.registry().consents == (earlier,)


@pytest.mark.parametrize("field", ["value", "given_on", "evidence", "subject"])
def test_a_statement_is_never_edited_and_nothing_is_half_saved(workspace, field):
    workspace.save_registry(REGISTRY)
    other = {"value": "deny", "given_on": "2020-01-01", "evidence": "other", "subject": "sun"}
    edited = replace(SAID, **{field: other[field]})
    party = Party(party_id="bo", name="Bo")
    with pytest.raises(CorpusError, match=f"would change {field} '.*never edited"):
        workspace.save_registry(Registry(parties=(party,), consents=(replace(SAID, record_id="c2"), edited)))
    assert workspace.registry() == REGISTRY


def test_the_day_of_first_saving_stays(workspace, monkeypatch):
    monkeypatch.setattr("linernotes.workspace.store.history_time", lambda: "2025-03-02T10:00:00+00:00")
    workspace.save_registry(REGISTRY)
    monkeypatch.setattr("linernotes.workspace.store.history_time", lambda: "2025-06-02T10:00:00+00:00")
    workspace.save_registry(Registry(consents=(SAID.revoked("2025-06-01"),)))
    assert first_saved(workspace.consent_history()) == {"c1": "2025-03-02"}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE consent SET body = replace(body, 'allow', 'deny') WHERE sequence = 1",
        "UPDATE consent SET saved_at = '2020-01-01T00:00:00+00:00' WHERE sequence = 2",
        "DELETE FROM consent WHERE sequence = 1",
        "UPDATE consent SET sequence = 9 WHERE sequence = 3",
        "INSERT INTO consent SELECT 4, 'c9', subject, saved_at, body, 'ff' FROM consent WHERE sequence = 1",
    ],
)
def test_a_changed_history_is_noticed(workspace, change):
    for i in range(3):
        workspace.save_registry(Registry(consents=(replace(SAID, record_id=f"c{i}"),)))
    with sqlite3.connect(workspace.path / "workspace.sqlite") as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(CorpusError, match="history of consent, row"):
        workspace.consent_history()
    with pytest.raises(CorpusError, match="history of consent, row"):
        workspace.registry()


def an_item(item_id):
    return Item(
        item_id=item_id, path=f"{item_id}.ogg", content_sha256="ab" * 32, audio_sha256="cd" * 32,
        duration_s=12.5, sample_rate=16000, n_channels=1, coding="OGG/VORBIS", consent=None,
        cluster_id=item_id, recording=Recording(recording_id=item_id, title="x", artist="y"),
    )  # fmt: skip


def a_corpus(*item_ids, previous_root=None):
    return seal_items(
        [an_item(one) for one in item_ids],
        [],
        audio_dir="music",
        secret=b"\7" * 32,
        previous_root=previous_root,
    )


def test_snapshots_form_a_chain(workspace):
    assert workspace.snapshots() == ()
    first = a_corpus("rain")
    second = a_corpus("rain", "sun", previous_root=first.root)
    workspace.save_corpus(first)
    workspace.save_corpus(second)
    workspace.save_corpus(first)  # the same again: nothing changes
    assert [(s.position, s.root, s.previous_root, s.n_items) for s in workspace.snapshots()] == [
        (0, first.root, None, 1),
        (1, second.root, first.root, 2),
    ]
    assert workspace.corpus() == second
    assert workspace.corpus(first.root) == first
    with pytest.raises(CorpusError, match="no snapshot of root"):
        workspace.corpus("ff" * 32)
    for stranger in (a_corpus("moon"), a_corpus("moon", previous_root=first.root)):
        with pytest.raises(CorpusError, match="a seal is never exchanged"):
            workspace.save_corpus(stranger)
    assert len(workspace.snapshots()) == 2


def test_a_workspace_of_the_first_release_keeps_its_corpus(tmp_path):
    corpus = a_corpus("rain")
    with Workspace.create(tmp_path / "ws") as made:
        made.save_corpus(corpus)
    engine = connect(tmp_path / "ws" / "workspace.sqlite")
    first_release = {"schema_revision", "corpus", "item", "recording", "ranking", "statement"}
    with engine.begin() as connection:
        for table in set(Base.metadata.tables) - first_release:
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("DELETE FROM schema_revision WHERE revision > 1"))
    with Workspace.open(tmp_path / "ws") as again:
        assert again.corpus() == corpus
        assert [snapshot.root for snapshot in again.snapshots()] == [corpus.root]
        again.save_registry(REGISTRY)
        assert again.registry() == REGISTRY
    assert upgrade(engine, MIGRATIONS) == []


def test_who_saves_at_the_same_time_waits(workspace):
    def save(number):
        with Workspace.open(workspace.path) as mine:
            return mine.save_registry(Registry(consents=(replace(SAID, record_id=f"c{number}"),)))

    with ThreadPoolExecutor(4) as pool:
        saved = list(pool.map(save, range(8)))
    assert sorted(one.sequence for (one,) in saved) == list(range(1, 9))
    assert len(workspace.consent_history()) == 8
