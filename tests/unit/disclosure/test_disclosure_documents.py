"""The documents together: golden texts, levels, limitation, gaps and checks."""

import json
import os
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from linernotes.corpus.checks_run import CHECKS, checks_run
from linernotes.corpus.gaps import GAP_KINDS
from linernotes.disclosure.ab2013 import LABELS
from linernotes.disclosure.article53 import Article53, plain_markdown
from linernotes.disclosure.bundle import build, json_text
from linernotes.disclosure.croissant import checked_croissant
from linernotes.disclosure.envelope import MODELS, build_index, parse_document, parse_index
from linernotes.disclosure.facts import Previous
from linernotes.disclosure.limitation import FORBIDDEN, Limitation
from linernotes.errors import InputError, VerificationError
from linernotes.reports.disclosure_pages import PAGES, disclosure_pages

GOLDEN = Path(__file__).parents[2] / "golden" / "disclosure"
UPDATE = "LINERNOTES_UPDATE_GOLDEN"  # set it to write the golden texts anew, then read the difference


@pytest.fixture(scope="module")
def bundle(scene):
    return build(scene.facts())


def _documents(bundle):
    return {name: json.loads(text) for name, text in bundle.texts().items() if name.endswith(".json")}


def _everything(bundle):
    return bundle.texts() | disclosure_pages(_documents(bundle))


@pytest.mark.parametrize("name", ["article53.md", "ab2013.json", "gaps.json"])
def test_golden(bundle, name):
    root = bundle.limitation.snapshot
    text = bundle.texts()[name].replace(root, "{ROOT}").replace(root[:12], "{SHORT}")
    text = re.sub(r"r-[0-9a-f]{16}", "{REF}", text)
    if os.environ.get(UPDATE):
        (GOLDEN / name).write_text(text, encoding="utf-8")
    assert text == (GOLDEN / name).read_text(encoding="utf-8")


def test_equal_facts_give_equal_bytes(scene, bundle):
    assert _everything(build(scene.facts())) == _everything(bundle)


@pytest.mark.parametrize("level", ["aggregate", "identifiers"])
def test_nothing_private_is_printed_below_full(scene, level):
    for name, text in _everything(build(scene.facts(level=level))).items():
        for secret in scene.secret_words:
            assert secret not in text, f"{name} at {level} prints {secret}"
        assert ("GBAYE2600001" in text) <= (
            level == "identifiers" and name.startswith(("recordings", "index"))
        )


def test_full_prints_what_the_provider_chose_to(scene):
    texts = _everything(build(scene.facts(level="full")))
    assert "Hidden Title 1" in texts["index.html"]
    assert "hidden-file-2" in texts["gaps.json"]
    rows = json.loads(texts["recordings.json"])["rows"]
    assert len(rows) == 6
    assert {row["consent_master"] for row in rows} == {"allow", "deny", "unknown"}


def test_gaps_keep_the_contract_and_say_what_was_checked(bundle):
    found = json.loads(bundle.texts()["gaps.json"])
    assert found["n_gaps"] == len(found["gaps"]) == len(bundle.gaps)
    for one in found["gaps"]:
        assert {"code", "item_id", "severity", "next_step", "who"} <= one.keys()
        assert one["code"] in GAP_KINDS
        assert one["item_id"] == "" or re.fullmatch(r"r-[0-9a-f]{16}", one["item_id"])
    runs = {one["check"]: one for one in found["checks_run"]}
    assert set(runs) == {check.name for check in CHECKS}
    assert runs["leads"]["ran"] is False
    assert runs["leads"]["n_found"] is None
    assert "leads (" in found["words"]
    assert sum(one["n_found"] or 0 for one in runs.values()) == found["n_gaps"]


def test_the_gaps_that_the_scene_has(bundle):
    codes = {(one.code, one.item_id) for one in bundle.gaps}
    assert ("consent-refused", "hidden-file-2") in codes
    assert ("consent-after-training", "hidden-file-3") in codes
    assert ("no-rights-row", "hidden-file-6") in codes
    assert ("source-unknown", "hidden-file-6") in codes
    assert ("performers-unknown", "hidden-file-2") in codes
    assert ("performers-unknown", "hidden-file-1") not in codes
    assert ("work-unknown", "hidden-file-1") not in codes
    wide = {code for code, item_id in codes if not item_id}
    assert wide >= {
        "base-model-undisclosed",
        "audio-inside-video",
        "undisclosed-corpus",
        "other-service-user-data",
        "unwitnessed-log",
        "field-unknown",
    }
    assert "committed-after-training" not in wide


def test_every_check_has_its_codes_and_every_code_its_check():
    codes = [code for check in CHECKS for code in check.codes]
    assert sorted(codes) == sorted(GAP_KINDS)
    with pytest.raises(InputError, match="check 'nope'"):
        checks_run([], ran=["nope"])


def test_a_gap_of_a_check_that_did_not_run_is_a_contradiction(bundle):
    with pytest.raises(InputError, match="said not to have run"):
        checks_run(bundle.gaps, ran=[])


def test_consent_is_counted_by_layer(bundle):
    rows = {row.layer: row for row in bundle.page.layers}
    assert (rows["master"].allow, rows["master"].deny, rows["master"].unknown) == (3, 1, 2)
    assert (rows["publishing"].allow, rows["publishing"].unknown) == (1, 5)
    assert (rows["performer"].allow, rows["performer"].unknown) == (1, 5)
    assert rows["voice-likeness"].allow == 0
    assert "3 of 6 agreed, 1 refused, 2 not known" in rows["master"].sentence


def test_consent_given_after_training_is_never_shown_as_consent(scene):
    late = scene.facts(
        corpus=scene.sealed(
            scene.items(), training_date=None, now=__import__("datetime").datetime(2025, 1, 1)
        )
    )
    assert all(one.value != "allow" for one in late.layers)
    page = build(late).page
    assert page.lead.endswith("For none of them the owner's consent to training is on file and counts.")


def test_every_document_refuses_to_be_without_its_limitation(bundle):
    for name, model in MODELS.items():
        whole = json.loads(bundle.texts()[name])
        model.model_validate(whole)
        for damaged in (
            {key: value for key, value in whole.items() if key != "limitation"},
            whole | {"limitation": whole["limitation"] | {"statement": "All is well."}},
            whole | {"limitation": whole["limitation"] | {"open_gaps": 0}},
            whole | {"unheard": 1},
        ):
            with pytest.raises(VerificationError, match=name.replace(".", r"\.")):
                parse_document(name, json_text(damaged).encode())
    with pytest.raises(VerificationError, match="not a document"):
        parse_document("other.json", b"{}")
    croissant = json.loads(bundle.texts()["croissant.json"])
    with pytest.raises(InputError, match="first data limitation"):
        checked_croissant(croissant | {"rai:dataLimitations": []}, bundle.limitation.statement)


@pytest.mark.parametrize(
    "lacking",
    ["gaps: 3", "does not show what else was used", "not a legal conclusion", "receipt.json", "ab" * 6],
)
def test_a_statement_that_lacks_a_part_is_refused(lacking):
    whole = f"Snapshot {'ab' * 6}. It does not show what else was used; not a legal conclusion. "
    whole += "Unresolved gaps: 3. See receipt.json."
    facts = {"snapshot": "ab" * 32, "rung": 1, "open_gaps": 3, "receipt": "receipt.json"}
    Limitation(statement=whole, **facts)
    with pytest.raises(ValidationError, match="lacks"):
        Limitation(statement=whole.replace(lacking, ""), **facts)


def test_every_field_stands_in_the_summary_once(bundle):
    whole = bundle.article53.model_dump(mode="json")
    for fields in (whole["fields"][1:], whole["fields"] + whole["fields"][:1], whole["fields"][::-1]):
        with pytest.raises(ValidationError, match="once, in its order"):
            Article53.model_validate(whole | {"fields": fields})
    assert len(bundle.ab2013.items) == len(LABELS) == 12


def test_required_by_law_is_printed_only_where_the_provider_says_so(scene, bundle):
    for text in _everything(bundle).values():
        assert "requires this summary" not in text
    text = scene.provider_text.replace('"voluntary"', '{ required_by_law = "Our counsel, 2026-02-01." }')
    claimed = build(scene.facts(provider=scene.provider(text)))
    assert "Our counsel, 2026-02-01." in claimed.article53.status


def test_no_page_holds_a_forbidden_word(bundle):
    for name, text in _everything(bundle).items():
        plain = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL).casefold()
        for word in FORBIDDEN:
            assert not re.search(rf"\b{word}\b", plain), f"{name}: {word}"


def test_pages_name_their_twin_and_no_address(bundle):
    pages = disclosure_pages(_documents(bundle))
    assert set(pages) == set(PAGES)
    for name, (_, twin) in PAGES.items():
        assert f'href="{twin}"' in pages[name]
        assert bundle.limitation.statement in pages[name]
        assert "<script" not in pages[name]
        assert not re.search(r'(src|action)\s*=\s*"', pages[name])
        assert "default-src &#39;none&#39;" in pages[name] or "default-src 'none'" in pages[name]


def test_markup_in_a_name_stays_text(scene):
    text = scene.provider_text.replace("Example Music Lab", "<script>alert(1)</script> [x](javascript:y)")
    everything = _everything(build(scene.facts(provider=scene.provider(text))))
    assert all("<script>" not in everything[name] for name in PAGES)
    assert "<script>" not in everything["article53.md"]
    assert plain_markdown("# a\n- b") == "\\# a - b"


def test_the_index_names_the_version_before(scene, bundle):
    before = Previous(version=1, sha256="ab" * 32, log_index=4, corpus_root="cd" * 32)
    from linernotes.disclosure.facts import gather

    second = gather(scene.material(), version=2, previous=before)
    index = build_index(second, bundle.limitation, 0.5, {"a.json": b"x"})
    assert parse_index(json_text(index.model_dump(mode="json")).encode()) == index
    assert index.previous.log_index == 4
    assert build(second).article53.fields[0].answer.value["previous"]["version"] == 1
    with pytest.raises(InputError, match="does not follow"):
        gather(scene.material(), version=3, previous=before)
