"""Train a reference generator on a sealed corpus, generate from it, and measure how good it is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from linernotes.attribution.encoding import DisclosedGenerator
from linernotes.audio.files import file_sha256, read_audio, write_audio
from linernotes.errors import CorpusError, InputError, LinernotesError
from linernotes.execution.threads import one_thread
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.generators.reference.fitting import train_on_corpus
from linernotes.generators.reference.training import Recipe
from linernotes.workflows.generators import load_generator, load_reference
from linernotes.workflows.methods import checked_seed
from linernotes.workspace import Workspace

STATE = "training.state"


def train_generator(
    workspace: Path,
    out: Path,
    recipe: Recipe | None = None,
    *,
    progress: Callable[[str, int, int], None] | None = None,
    device: str = "cpu",
) -> dict[str, Any]:
    """Train on the workspace's sealed corpus and write the generator folder; interrupted, it resumes.

    Raises
    ------
    CorpusError
        If no corpus is sealed in the workspace, or *out* exists.
    """
    if out.exists():
        raise CorpusError(f"{out}: exists; choose another folder for the generator or remove this one")
    with Workspace.open(workspace) as opened:
        corpus = opened.corpus()
    scratch = out.with_name(out.name + ".training.partial")
    state = scratch / f"{corpus.root[:16]}-{STATE}"  # a state of another corpus must not be continued
    scratch.mkdir(parents=True, exist_ok=True)
    steps = None if progress is None else _step_progress(progress)
    try:
        with one_thread():  # sums of two threads differ in the last bit, and with them the weights' hash
            generator = train_on_corpus(
                corpus,
                recipe or Recipe(),
                training_progress=steps,
                reading_progress=progress,
                checkpoint=state,
                device=_checked_device(device),
            )
    except LinernotesError:
        if not any(scratch.iterdir()):
            scratch.rmdir()
        raise
    generator.save(out)
    shutil.rmtree(scratch)
    return generator.card()


def _checked_device(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(
            f"device '{device}': torch {torch.__version__} sees no such accelerator; use 'cpu' or 'auto'"
        )
    if device != "cpu" and not device.startswith("cuda"):
        raise InputError(f"device '{device}': expected cpu, cuda, cuda:N or auto")
    return device


@one_thread()
def generate(generator: Path, out: Path, *, seed: int, seconds: float, prompt: str = "") -> dict[str, Any]:
    """Make one output and the record of how it was made, which lies beside it as ``OUT.json``.

    Raises
    ------
    InputError
        If the prompt holds no word that the generator knows (an empty prompt is fine).
    """
    seed = checked_seed(seed)
    loaded = load_generator(generator)
    unknown = _unknown_words(loaded, prompt)
    write_audio(out, loaded.generate(seed, seconds, prompt))
    record = {
        "file": out.name,
        "content_sha256": file_sha256(out),
        "generator_id": loaded.generator_id,
        "corpus_root": getattr(loaded, "corpus_root", ""),
        "prompt": prompt,
        "unknown_words": list(unknown),
        "seed": seed,
        "seconds": seconds,
        "sample_rate": loaded.sample_rate,
    }
    _write_json(out.with_name(out.name + ".json"), record)
    return record


def check_prompts(generator: DisclosedGenerator, prompts: Sequence[str]) -> None:
    """Refuse a prompt of which the generator knows no word, before any work is done.

    Raises
    ------
    InputError
        As `generate`.
    """
    for prompt in prompts:
        _unknown_words(generator, prompt)


def _unknown_words(generator: DisclosedGenerator, prompt: str) -> tuple[str, ...]:
    """Return the words that the reference generator never learnt; other adapters judge prompts themselves."""
    if not isinstance(generator, ReferenceGenerator):
        return ()
    if prompt.strip() and not float(generator.vocabulary.vector(prompt).sum()):
        raise InputError(
            f"prompt '{prompt}': no word that generator {generator.generator_id} learnt; "
            f"it knows {', '.join(generator.vocabulary.words)}"
        )
    return generator.vocabulary.unknown(prompt)


@one_thread()
def measure_quality(generator_folder: Path, workspace: Path, *, n_clips: int = 96) -> dict[str, Any]:
    """Measure held-out loss and Fréchet distances, and write them into the generator's card.

    Held out are the catalogue's recordings that the generator was not trained on.

    Raises
    ------
    CorpusError
        If the catalogue holds no such recording.
    """
    import numpy as np

    from linernotes.attribution.encoding import encode_corpus, join
    from linernotes.evaluation.quality import frechet_report, held_out_loss

    generator = load_reference(generator_folder, "measuring quality")
    with Workspace.open(workspace) as opened:
        corpus = opened.corpus()
        trained = {entry.item_id for entry in generator.trained}
        unseen = [r for r in opened.recordings() if r.recording_id not in trained]
        sounds = [
            (read_audio(opened.recording_audio(r.recording_id), generator.sample_rate), r) for r in unseen
        ]
    if not sounds:
        raise CorpusError(
            f"{workspace}: its catalogue holds no recording that the generator was not trained on; "
            "add some with 'linernotes catalog add' to have held-out music"
        )
    held_out = join([generator.encode(audio, " ".join(r.tags)) for audio, r in sounds])
    known = encode_corpus(generator, corpus)
    shape, random = generator.representation, np.random.default_rng(0)
    size = shape.config.segment_tokens * shape.config.patch_frames
    unseen_clips = [clip for audio, _ in sounds for clip in _clips(shape.log_mel(audio.samples), size)]
    known_clips = [
        clip
        for item in corpus.items
        for clip in _clips(
            shape.log_mel(read_audio(corpus.audio_path(item), generator.sample_rate).samples), size
        )
    ]
    prompts = [
        " ".join(corpus.items[int(i)].recording.tags)
        for i in random.integers(len(corpus.items), size=n_clips)
    ]
    shuffled = [known_clips[i] for i in random.permutation(len(known_clips))]
    quality = {
        "held_out_loss": held_out_loss(generator, known, held_out),
        "frechet": frechet_report(generator, unseen_clips, shuffled, prompts),
    }
    generator.evaluation = {**generator.evaluation, **quality}
    _write_json(generator_folder / "card.json", generator.card())
    return quality


def recipe_with(base: Recipe | None = None, **changes: float | None) -> Recipe:
    """Return a recipe with the given settings changed; Nones keep the default.

    Raises
    ------
    InputError
        If a setting is not positive, or the width cannot be divided among the heads.

    Examples
    --------
    >>> recipe_with(n_steps=10).n_steps
    10
    """
    given = {name: value for name, value in changes.items() if value is not None}
    for name, value in given.items():
        if name != "seed" and value <= 0:
            raise InputError(f"{name}={value}: expected a positive number")
    checked_seed(int(given.get("seed", 0)))
    recipe = replace(base or Recipe(), **given)  # type: ignore[arg-type]
    if recipe.width % (2 * recipe.n_heads):
        raise InputError(
            f"width={recipe.width}: expected a multiple of {2 * recipe.n_heads}, for {recipe.n_heads} heads"
        )
    return recipe


def _clips(spectrogram: Any, size: int) -> list[Any]:
    return [spectrogram[i : i + size] for i in range(0, len(spectrogram) - size + 1, size)]


def _step_progress(progress: Callable[[str, int, int], None]) -> Callable[[int, int, float], None]:
    return lambda step, n_steps, loss: progress("training", step, n_steps)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(partial, path)
