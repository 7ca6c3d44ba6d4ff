"""The CLEWS adapter against a formula of its own, on files made as the published ones were; hostile files refused."""

import collections
import io
import json
import os
import pickle
import sys
import types
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from torch.nn import functional

from linernotes.audio.files import Audio
from linernotes.errors import InputError
from linernotes.versions.encoder.clews.checkpoint import open_checkpoint
from linernotes.versions.encoder.clews.convert import NO_LICENCE, convert, read_weights
from linernotes.versions.encoder.clews.encoder import load_clews
from linernotes.versions.encoder.clews.layout import N_FFT, Layout, expected_shapes, published
from linernotes.versions.encoder.network import NetworkConfig

RATE = 16000
SMALL = Layout(NetworkConfig((4, 6), (1, 2), (6, 8), (1, 2), 10), (10, 12))


def random_state(layout):
    """Random weights under the published names, kernels as windowed exponentials."""
    random = np.random.default_rng(11)
    state = collections.OrderedDict()
    for name, shape in expected_shapes(layout.network).items():
        values = random.normal(0, 0.4, shape)
        if "running_var" in name or name.endswith("bn.weight"):
            values = random.uniform(0.5, 1.5, shape)
        state[name] = torch.tensor(values, dtype=torch.float32)
        if "num_batches" in name:
            state[name] = torch.tensor(7)
    hz = 32.7 * 2 ** (np.arange(84) / 12)
    lengths = np.ceil(16.8 * RATE / hz)
    real, imaginary = np.zeros((84, 1, N_FFT), np.float32), np.zeros((84, 1, N_FFT), np.float32)
    for k, n in enumerate(lengths.astype(int)):
        wave = np.hanning(n) * np.exp(2j * np.pi * hz[k] / RATE * np.arange(n)) / n
        first = (N_FFT - n) // 2
        real[k, 0, first : first + n], imaginary[k, 0, first : first + n] = wave.real, wave.imag
    state["cqt.0.lenghts"] = torch.tensor(lengths, dtype=torch.float32)
    state["cqt.0.cqt_kernels_real"] = torch.from_numpy(real)
    state["cqt.0.cqt_kernels_imag"] = torch.from_numpy(imaginary)
    return state


@pytest.fixture(scope="module")
def state():
    return random_state(SMALL)


def save(path, state, monkeypatch, **more):
    """Write a checkpoint as a Lightning Fabric run does: weights, optimizer, schedule and an OmegaConf object."""
    module = types.ModuleType("omegaconf.dictconfig")
    node = type(
        "DictConfig", (), {"__module__": module.__name__, "__init__": lambda self, x: setattr(self, "x", x)}
    )
    module.DictConfig = node
    monkeypatch.setitem(sys.modules, "omegaconf", types.ModuleType("omegaconf"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    parameter = torch.nn.Parameter(torch.zeros(3))
    parameter.grad = torch.ones(3)
    optimizer = torch.optim.Adam([parameter])
    optimizer.step()
    conf = node({"model": collections.defaultdict(dict, {"zdim": 10, "kind": dict})})
    saved = {"model": state, "optim": optimizer.state_dict(), "sched": {"best": float("inf")}, "conf": conf}
    torch.save(saved | {"epoch": 3, "lr": 2e-4, "cost_best": torch.tensor(0.4), "p": parameter} | more, path)
    return path


@pytest.fixture
def checkpoint(tmp_path, state, monkeypatch):
    return save(tmp_path / "checkpoint_best.ckpt", state, monkeypatch)


def reference(state, samples):
    """The published network as a formula over its named entries, one segment at a time, nothing shared with ours."""
    padded = np.pad(samples.astype(np.float64), N_FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::320]
    kernel = (state["cqt.0.cqt_kernels_real"] + 1j * state["cqt.0.cqt_kernels_imag"])[:, 0].numpy()
    bands = np.abs(frames @ kernel.T) * np.sqrt(state["cqt.0.lenghts"].numpy())
    pooled = bands[: len(bands) // 5 * 5].reshape(-1, 5, 84).mean(axis=1).T
    x = torch.tensor(np.sqrt(pooled), dtype=torch.float32)[None, None]
    x = (x - x.min()) / (x.max() - x.min() + 1e-6)
    x = state["frontend.0.gain"] * x + state["frontend.0.bias"]

    def batch_norm(x, name):
        parts = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, *parts)

    x = functional.conv2d(x, state["frontend.1.weight"], stride=(1, 2))
    x = functional.conv2d(functional.relu(batch_norm(x, "frontend.2")), state["frontend.4.weight"], stride=2)
    for i, stride in enumerate((1, 2, 1)):
        name = f"backbone.{i}"
        half = x.shape[1] // 2
        left = batch_norm(x[:, :half], f"{name}.convs.0.bn")
        weight, bias = state[f"{name}.convs.0.inst.weight"], state[f"{name}.convs.0.inst.bias"]
        right = functional.instance_norm(x[:, half:], weight=weight, bias=bias)
        y = functional.relu(torch.cat([left, right], 1))
        y = functional.conv2d(y, state[f"{name}.convs.2.conv.weight"], stride=stride, padding=1)
        y = functional.relu(batch_norm(y, f"{name}.convs.3"))
        y = functional.conv2d(y, state[f"{name}.convs.5.conv.weight"], padding=1)
        if f"{name}.skip.0.weight" in state:
            x = functional.relu(batch_norm(x, f"{name}.skip.0"))
            x = functional.conv2d(x, state[f"{name}.skip.2.conv.weight"], stride=stride, padding=1)
        x = x + state[f"{name}.gain"] * y
    power = 1 + np.log1p(np.exp(state["pool.p"].item()))
    z = (x.clamp(min=1e-6) ** power).mean((2, 3)) ** (1 / power)
    return (batch_norm(z, "proj.0") @ state["proj.1.weight"].T)[0].numpy()


def test_it_computes_what_the_formula_says(checkpoint, state):
    random = np.random.default_rng(0)
    samples = (0.1 * random.normal(0, 1, 24 * RATE)).astype(np.float32)
    samples += 0.3 * np.sin(np.cumsum(np.linspace(0.05, 0.3, len(samples)))).astype(np.float32)
    encoder = replace(load_clews(checkpoint, layout=SMALL), hop_s=4.0)
    found = encoder.vectors(Audio(samples, RATE))
    assert found.shape == (2, 10)
    for row, first in zip(found, (0, 4 * RATE), strict=True):
        slow = reference(state, samples[first : first + 20 * RATE])
        np.testing.assert_allclose(row, slow, rtol=2e-3, atol=2e-4 * np.abs(slow).max())


def test_the_published_layout_has_277_entries():
    shapes = expected_shapes(published().network)
    assert len(shapes) == 277
    assert shapes["backbone.15.convs.5.conv.weight"] == (2048, 1024, 3, 3)
    assert shapes["proj.1.weight"] == (1024, 2048)


def test_conversion_keeps_every_number_the_licence_and_the_source(checkpoint, tmp_path, state):
    (tmp_path / "LICENSE").write_text("Non-commercial use only.", encoding="utf-8")
    target = convert(checkpoint, tmp_path / "small.safetensors", SMALL)
    facts = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
    assert "Non-commercial use only." in facts["licence_found_beside"]
    arrays = safetensors.numpy.load_file(target)
    assert arrays.keys() == state.keys()
    assert all(np.array_equal(arrays[name], value.numpy()) for name, value in state.items())
    one, two = load_clews(checkpoint, layout=SMALL), load_clews(target, layout=SMALL)
    assert one.name == two.name == f"clews-{facts['source_sha256'][:8]}"
    noise = Audio(np.random.default_rng(1).normal(0, 0.1, 5 * RATE).astype(np.float32), RATE)
    assert np.array_equal(one.vectors(noise), two.vectors(noise))
    data = bytearray(target.read_bytes())
    data[-1] ^= 1
    target.write_bytes(bytes(data))
    with pytest.raises(InputError, match="convert the checkpoint again"):
        load_clews(target, layout=SMALL)


def test_a_missing_licence_is_said(checkpoint):
    assert read_weights(checkpoint, SMALL).licence == NO_LICENCE


def test_the_width_of_the_head_is_read_from_the_weights(tmp_path, state, monkeypatch):
    wide = collections.OrderedDict(state)
    wide["proj.1.weight"] = torch.zeros(12, 8)
    assert load_clews(save(tmp_path / "w.ckpt", wide, monkeypatch), layout=SMALL).dimension == 12


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("pool.p"), "no pool.p"),
        (lambda s: s.update({"extra": torch.zeros(1)}), "unknown entry extra"),
        (lambda s: s.update({"backbone.0.gain": torch.zeros(2)}), "backbone.0.gain has shape"),
        (lambda s: s.update({"proj.1.weight": torch.zeros(11, 8)}), "10 or 12 values"),
        (lambda s: s.update({"frontend.1.weight": torch.full((4, 1, 12, 3), torch.nan)}), "not finite"),
        (
            lambda s: s.update({"frontend.1.weight": torch.zeros(3, 12, 1, 4).permute(3, 2, 1, 0)}),
            "contiguous",
        ),
    ],
)
def test_another_network_is_refused(tmp_path, state, monkeypatch, change, said):
    other = collections.OrderedDict(state)
    change(other)
    with pytest.raises(InputError, match=said):
        load_clews(save(tmp_path / "x.ckpt", other, monkeypatch), layout=SMALL)


def test_another_front_end_is_refused(checkpoint):
    checkpoint.with_name("configuration.yaml").write_text(
        "data:\n  samplerate: 22050 # Hz\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match="samplerate is 22050"):
        load_clews(checkpoint, layout=SMALL)


class Runs:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "hostile",
    [
        Runs(os.system, "touch hostile"),
        Runs(eval, "open('hostile', 'w')"),
        Runs(getattr, "x", "join"),
        Runs(torch.load, "hostile"),
        Runs(Path, "hostile"),
        Runs(np.array, [1.0]),
        Runs(torch.storage._load_from_bytes, b"x"),
    ],
    ids=["system", "eval", "getattr", "load", "path", "numpy", "storage"],
)
def test_a_pickle_that_asks_for_more_is_refused_and_nothing_runs(tmp_path, state, monkeypatch, hostile):
    monkeypatch.chdir(tmp_path)
    path = save(tmp_path / "x.ckpt", state, monkeypatch, conf=hostile)
    with pytest.raises(InputError, match="its pickle asks for"):
        open_checkpoint(path)
    assert not (tmp_path / "hostile").exists()


def archive(path, data, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as stream:
        stream.writestr("a/data.pkl", data)
        for name, value in members.items():
            stream.writestr(f"a/{name}", value)
    return path


def test_a_pickle_cannot_change_the_next_one(tmp_path, checkpoint):
    # BUILD on a class object sets its attributes: the place-holders are made anew for every file.
    changing = b"comegaconf\nDictConfig\n}(X\x06\x00\x00\x00append\x8c\x01xub."
    with pytest.raises(InputError):
        open_checkpoint(archive(tmp_path / "x.ckpt", changing))
    assert len(open_checkpoint(checkpoint).tensors) > 20


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expected a PyTorch checkpoint"),
        (b"PK\x03\x04 cut", "expected a PyTorch checkpoint"),
        (pickle.dumps({"model": {}}), "expected a PyTorch checkpoint"),
    ],
)
def test_other_files_are_refused(tmp_path, content, said):
    path = tmp_path / "x.ckpt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        open_checkpoint(path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pickle.dumps({"weights": {}}), "no 'model' inside"),
        (pickle.dumps({"model": {"a": 1}}), "other things"),
        (pickle.dumps([1]), "no 'model' inside"),
        (pickle.dumps({"model": {}})[:-4], "damaged"),
        (b"\x80\x02Q.", "damaged"),
    ],
)
def test_descriptions_that_describe_nothing_are_refused(tmp_path, data, said):
    with pytest.raises(InputError, match=said):
        open_checkpoint(archive(tmp_path / "x.ckpt", data))


def test_big_endian_and_compressed_members_are_refused(tmp_path):
    data = pickle.dumps({"model": {}})
    with pytest.raises(InputError, match="byte order"):
        open_checkpoint(archive(tmp_path / "x.ckpt", data, byteorder=b"big"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as stream:
        stream.writestr("a/data.pkl", data)
    (tmp_path / "y.ckpt").write_bytes(packed.getvalue())
    with pytest.raises(InputError, match="uncompressed"):
        open_checkpoint(tmp_path / "y.ckpt")


def test_a_storage_of_another_size_is_refused(tmp_path, checkpoint):
    changed = tmp_path / "cut.ckpt"
    with zipfile.ZipFile(checkpoint) as source, zipfile.ZipFile(changed, "w", zipfile.ZIP_STORED) as target:
        for info in source.infolist():
            data = source.read(info)
            target.writestr(info.filename, data[:-4] if "/data/" in info.filename else data)
    with pytest.raises(InputError, match="does not fit"):
        load_clews(changed, layout=SMALL)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_clews(tmp_path / "nothing.ckpt")
