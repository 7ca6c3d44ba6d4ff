"""The training of the line reader: truth from notes, crops that stay true, and weights that both sides read alike."""

import numpy as np
import torch

from benchmarks.versions.features_quality import best_triads, right_classes
from benchmarks.versions.render.fluid import Sound
from benchmarks.versions.render.song import Chord
from benchmarks.versions.train_lines.examples import truth
from benchmarks.versions.train_lines.network import LineReader, export
from benchmarks.versions.train_lines.train import batch, line_class
from linernotes.versions.notes.grid import LOWEST_PITCH, N_LAYERS, N_PITCHES
from linernotes.versions.notes.lines import read_lines


def test_truth_is_the_tune_the_lowest_note_and_the_chord():
    sounds = [
        Sound(0.0, 0.5, 72, 100, 0),
        Sound(0.5, 0.55, 74, 100, 0),  # too short for a cell
        Sound(0.0, 1.0, 60, 80, 2),
        Sound(0.0, 1.0, 36, 80, 3),
        Sound(0.25, 0.5, 40, 80, 3),
        Sound(0.0, 1.0, 35, 80, 9),  # a drum
    ]
    known = truth(sounds, [(0.0, 0.5, Chord(0, 2, (0, 4, 7), 0))], n_cells=8)
    assert known["melody"].tolist() == [72, 72, 72, 72, -1, -1, -1, -1]
    assert known["bass"].tolist() == [36] * 8
    assert known["root"].tolist() == [0, 0, 0, 0, -1, -1, -1, -1]
    assert np.flatnonzero(known["tones"][3]).tolist() == [0, 4, 7]


def test_a_tune_alone_has_no_chord():
    known = truth([Sound(0.0, 1.0, 72, 100, 0)], [(0.0, 1.0, Chord(0, 4, (0, 4, 7), 0))], n_cells=8)
    assert set(known["root"].tolist()) == {-1}
    assert not known["tones"].any()


def test_a_transposed_crop_is_transposed_in_all_it_says():
    grid = np.zeros((N_LAYERS, 200, N_PITCHES), np.float16)
    grid[0, :, 69 - LOWEST_PITCH] = 1
    pitch = np.full(200, 69, np.int16)
    example = {
        "grid": grid,
        "melody": pitch,
        "bass": pitch,
        "root": pitch % 12,
        "tones": np.eye(12, dtype=np.int16)[pitch % 12],
    }
    drawn = batch([example], np.random.default_rng(0))
    steps = set()
    for at in range(len(drawn["grid"])):
        column = int(drawn["grid"][at, 0, 0].argmax())
        steps.add(column + LOWEST_PITCH - 69)
        assert set(drawn["melody"][at].tolist()) == {column}
        assert set(drawn["root"][at].tolist()) == {(column + LOWEST_PITCH) % 12}
        assert int(drawn["tones"][at, 0].argmax()) == (column + LOWEST_PITCH) % 12
    assert len(steps) > 2
    assert line_class(np.array([-1, LOWEST_PITCH, 127])).tolist() == [N_PITCHES, 0, N_PITCHES - 1]


def test_the_exported_weights_say_the_same_in_numpy(tmp_path):
    torch.manual_seed(0)
    network = LineReader().eval()
    export(network.state_dict(), tmp_path / "lines.npz")
    with np.load(tmp_path / "lines.npz") as stored:
        weights = {name: stored[name].astype(np.float32) for name in stored.files}
    grid = np.random.default_rng(0).random((N_LAYERS, 40, N_PITCHES)).astype(np.float32)
    network.load_state_dict({name: values.half().float() for name, values in network.state_dict().items()})
    with torch.no_grad():
        said = network(torch.from_numpy(grid)[None])
    heard = read_lines(grid, weights)
    for name in ("melody", "bass", "root"):
        np.testing.assert_allclose(getattr(heard, name), torch.softmax(said[name][0], 1).numpy(), atol=1e-5)
    np.testing.assert_allclose(heard.tones, torch.sigmoid(said["tones"][0]).numpy(), atol=1e-5)


def test_what_is_right_is_counted():
    line = np.eye(12, dtype=np.float32)[[0, 4, 7, 0]]
    line[3] = 0  # silent
    assert right_classes(line, np.array([60, 64, 65, 60], np.int16)) == 0.5
    minor = np.zeros((10, 12), np.float32)
    minor[:, [9, 0, 4]] = 1
    root, is_major = best_triads(minor - minor.mean(axis=1, keepdims=True))
    assert set(root.tolist()) == {9}
    assert not is_major.any()
