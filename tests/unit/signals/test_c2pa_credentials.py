"""Content credentials in audio files: a real round trip, and what each state says."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import av
import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.errors import InputError
from linernotes.signals import cawg
from linernotes.signals.c2pa_files import load_signer, media_type, read_manifest, write_manifest
from linernotes.signals.c2pa_manifest import (
    Assertion,
    Manifest,
    ManifestStore,
    imported,
    parse_manifest_store,
)
from linernotes.signals.origin import Origin
from linernotes.signals.trial_signer import make_trial_signer

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
MANIFEST = {
    "claim_generator_info": [{"name": "Test", "version": "1"}],
    "title": "tone",
    "assertions": [
        {
            "label": "c2pa.actions",
            "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": TRAINED}]},
        },
        {
            "label": cawg.LABEL,
            "data": cawg.assertion((cawg.Entry("cawg.ai_generative_training", "notAllowed"),)),
        },
        {"label": "org.example.figures", "kind": "Json", "data": {"share": 0.1, "one": 1.0, "small": 1e-07}},
    ],
}


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    chain, key, authority = make_trial_signer()
    for name, data in (("chain", chain), ("key", key), ("authority", authority)):
        (folder / f"{name}.pem").write_bytes(data)
    return load_signer(folder / "chain.pem", folder / "key.pem"), authority, folder


def tone() -> Audio:
    time = np.arange(22050) / 22050
    return Audio((0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), 22050)


def make_file(path):
    if path.suffix != ".m4a":
        write_audio(path, tone())
        return path
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=22050)
        frame = av.AudioFrame.from_ndarray(tone().samples[None, :], format="fltp", layout="mono")
        frame.sample_rate = 22050
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return path


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a"])
def test_written_read_and_tampered_with(tmp_path, signer, suffix):
    source, out = make_file(tmp_path / f"a.{suffix}"), tmp_path / f"b.{suffix}"
    assert read_manifest(source) is None
    write_manifest(source, out, MANIFEST, signer[0])
    store = read_manifest(out)
    assert store.state == "signer-untrusted"
    assert store.synthetic_sources == ("trainedAlgorithmicMedia",)
    assert store.active.named("org.example.figures")[0].data == {"share": 0.1, "one": 1.0, "small": 1e-07}
    assert np.array_equal(read_audio(source).samples, read_audio(out).samples)
    assert read_manifest(out, signer[1]).state == "trusted"
    changed = bytearray(out.read_bytes())
    place = _a_byte_of_sound(source.read_bytes(), bytes(changed))
    changed[place] ^= 0x01
    out.write_bytes(changed)
    assert read_manifest(out).state == "invalid"
    assert list(tmp_path.glob("*.partial")) == []


def _a_byte_of_sound(before: bytes, after: bytes) -> int:
    piece = before[len(before) // 2 : len(before) // 2 + 64]
    return after.index(piece) + 20


def test_a_refusal_by_an_untrusted_signer_is_heeded_and_remarked(tmp_path, signer):
    out = tmp_path / "b.wav"
    write_manifest(make_file(tmp_path / "a.wav"), out, MANIFEST, signer[0])
    found = imported(read_manifest(out), Origin(name="b.wav", target="rain"))
    assert [(one.use, one.value, one.subject) for one in found.registry.consents] == [
        ("generative-training", "deny", "rain")
    ]
    assert "signer-untrusted" in found.registry.consents[0].evidence
    assert {one.code for one in found.problems} == {"signer-untrusted", "synthetic-upstream"}


def test_an_invalid_manifest_says_nothing():
    said = Assertion(cawg.LABEL, {"entries": {"cawg.ai_training": {"use": "allowed"}}})
    store = ManifestStore(
        state="invalid", active=Manifest(label="m", assertions=(said,)), faults=(("x", "y"),)
    )
    found = imported(store, Origin(name="a", target="rain"))
    assert not found.registry.consents
    assert [(one.code, one.severity) for one in found.problems] == [("invalid-credential", "high")]


def test_what_ingredients_say_is_reported_not_counted():
    said = Assertion(cawg.LABEL, {"entries": {"cawg.ai_training": {"use": "notAllowed"}}})
    other = Manifest(label="i", title="sample", assertions=(said,))
    store = ManifestStore(state="trusted", active=Manifest(label="m"), others=(other,))
    found = imported(store, Origin(name="a", target="rain"))
    assert not found.registry.consents
    assert [one.code for one in found.problems] == ["ingredient-preference"]


@pytest.mark.parametrize(
    ("report", "state"),
    [
        ({"validation_state": "Trusted"}, "trusted"),
        ({"validation_state": "Valid"}, "signer-untrusted"),
        ({"validation_state": "Invalid"}, "invalid"),
        ({"validation_state": "Splendid"}, "invalid"),
        ({}, "signer-untrusted"),
        ({"validation_status": [{"code": "signingCredential.untrusted"}]}, "signer-untrusted"),
        ({"validation_status": [{"code": "assertion.dataHash.mismatch"}]}, "invalid"),
    ],
)
def test_states_of_reports(report, state):
    text = json.dumps({"active_manifest": "m", "manifests": {"m": {}}} | report)
    assert parse_manifest_store(text).state == state


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"manifests": {}, "active_manifest": "m"}',
        '{"manifests": {"m": 1}, "active_manifest": "m"}',
        "[]",
    ],
)
def test_what_is_no_report(text):
    with pytest.raises(InputError, match="C2PA manifest store"):
        parse_manifest_store(text)


def test_files_that_carry_none(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(InputError, match="carries no content credentials"):
        media_type(tmp_path / "a.txt")
    with pytest.raises(InputError, match="cannot be read"):
        media_type(tmp_path / "none.wav")


def test_a_preference_changed_after_signing_is_invalid(tmp_path, signer):
    out = tmp_path / "b.wav"
    write_manifest(make_file(tmp_path / "a.wav"), out, MANIFEST, signer[0])
    out.write_bytes(out.read_bytes().replace(b"notAllowed", b"notallowed"))
    store = read_manifest(out)
    assert store.state == "invalid"
    assert "assertion.hashedURI.mismatch" in {code for code, _ in store.faults}


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9])
def test_a_file_cut_off_is_invalid_none_or_one_clear_error(tmp_path, signer, keep):
    out = tmp_path / "b.flac"
    write_manifest(make_file(tmp_path / "a.flac"), out, MANIFEST, signer[0])
    data = out.read_bytes()
    out.write_bytes(data[: int(len(data) * keep)])
    with suppress(InputError):
        store = read_manifest(out)
        assert store is None or store.state == "invalid"


def test_signers_that_cannot_sign(tmp_path, signer):
    other = make_trial_signer()
    (tmp_path / "other.pem").write_bytes(other[1])
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----")
    folder = signer[2]
    with pytest.raises(InputError, match="not that of the first certificate"):
        load_signer(folder / "chain.pem", tmp_path / "other.pem")
    with pytest.raises(InputError, match="expected a PEM chain"):
        load_signer(tmp_path / "broken.pem", folder / "key.pem")
    with pytest.raises(InputError, match="cannot be read"):
        load_signer(tmp_path / "none.pem", folder / "key.pem")
    with pytest.raises(InputError, match="renew it"):
        load_signer(folder / "chain.pem", folder / "key.pem", datetime.now(UTC) + timedelta(days=800))


def test_the_trial_certificate_says_what_it_is(signer):
    assert "TEST" in signer[0].name
    assert "not trusted" in signer[0].name
