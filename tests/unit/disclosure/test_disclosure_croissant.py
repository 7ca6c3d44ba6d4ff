"""The Croissant description: what it holds, and what the format's own validator says where it is installed."""

import hashlib
import json

import pytest

from linernotes.corpus.source import Source
from linernotes.disclosure.bundle import build
from linernotes.disclosure.croissant import CONFORMS_TO


@pytest.fixture(scope="module", params=["aggregate", "identifiers", "full"])
def written(request, scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    texts = build(scene.facts(level=request.param)).texts()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _read(folder):
    return json.loads((folder / "croissant.json").read_text(encoding="utf-8"))


def test_it_conforms_and_carries_its_limitation(written):
    found = _read(written)
    assert found["conformsTo"] == list(CONFORMS_TO)
    statement = json.loads((written / "gaps.json").read_text())["limitation"]["statement"]
    assert found["rai:dataLimitations"][0] == statement
    assert found["rai:dataBiases"] == ["unknown: provider.toml does not say"]
    assert found["rai:personalSensitiveInformation"] == ["yes: Voices."]
    for name in (
        "name",
        "description",
        "url",
        "license",
        "creator",
        "datePublished",
        "version",
        "distribution",
    ):
        assert found[name]


def test_the_file_that_it_describes_is_the_one_beside_it(written):
    (file,) = _read(written)["distribution"]
    data = (written / file["contentUrl"]).read_bytes()
    assert file["sha256"] == hashlib.sha256(data).hexdigest()
    assert file["contentSize"] == f"{len(data)} B"
    rows = json.loads(data)["rows"]
    names = [field["@id"].removeprefix("recordings/") for field in _read(written)["recordSet"][0]["field"]]
    assert all(sorted(row) == sorted(names) for row in rows)


def test_consent_and_licences_stand_in_usage_info(written):
    terms = _read(written)["usageInfo"]
    codes = {term.get("termCode") for term in terms}
    assert {"cawg.ai_generative_training=allowed", "cawg.ai_generative_training=notAllowed"} <= codes
    assert any(term["name"].startswith("contract: 6 of 6") for term in terms)


def test_provenance_names_sources_and_the_snapshot_before(scene):
    items = [
        scene.make_item(
            1, source=Source(source_class="public", name="Open Set", url="https://example.org/open")
        )
    ]
    corpus = scene.sealed(items, previous_root="ab" * 32)
    found = build(scene.facts(corpus=corpus)).croissant
    assert found["prov:wasDerivedFrom"][0]["@id"] == "https://example.org/open"
    assert found["prov:wasDerivedFrom"][1]["@id"] == f"urn:sha256:{'ab' * 32}"
    assert found["prov:wasGeneratedBy"]["prov:endedAtTime"] == corpus.sealed_at


@pytest.mark.filterwarnings("default")
def test_the_formats_own_validator_finds_no_error(written):
    croissant = pytest.importorskip("mlcroissant", reason="pip install mlcroissant, beside the package")
    dataset = croissant.Dataset(jsonld=str(written / "croissant.json"))
    issues = dataset.metadata.ctx.issues
    assert not issues.errors
    assert not issues.warnings
    rows = json.loads((written / "recordings.json").read_text())["rows"]
    assert len(list(dataset.records("recordings"))) == len(rows)
