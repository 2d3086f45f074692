"""Pretrains an encoder on shards of text and writes it as a Hugging Face directory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from spacy_bioner.encoders.directory import check_encoder_directory, check_may_write
from spacy_bioner.encoders.make_encoder import make_encoder
from spacy_bioner.encoders.pretraining.blocks import BlockReader
from spacy_bioner.encoders.pretraining.checkpoint import Progress, RunFolder
from spacy_bioner.encoders.pretraining.growth import grow
from spacy_bioner.encoders.pretraining.masking import Masking
from spacy_bioner.encoders.pretraining.model_card import pretrained_card
from spacy_bioner.encoders.pretraining.network import DROPOUTS, MaskedLoss, load_masked_model
from spacy_bioner.encoders.pretraining.optimizers import check_optimizer
from spacy_bioner.encoders.pretraining.settings import PretrainingSettings
from spacy_bioner.encoders.pretraining.tokens import TokenStream, first_lines, tokenize_shards
from spacy_bioner.encoders.pretraining.trainer import Trainer
from spacy_bioner.encoders.saving import save_encoder
from spacy_bioner.errors import EncoderError, in_one_line
from spacy_bioner.lexicon import Lexicon
from spacy_bioner.networks.limit import encoder_limit
from spacy_bioner.rawtext.shards import Shard, find_shards, read_manifest

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_VOCABULARY_CHARACTERS = 20_000_000


@dataclass(frozen=True, slots=True)
class PretrainedEncoder:
    """What came of a run: where it is, how long it took, how well hidden tokens are guessed."""

    path: Path
    steps: int
    seconds: float
    held_out_loss: float
    held_out_accuracy: float


def pretrain_encoder(
    inputs: Sequence[Path],
    out: Path,
    settings: PretrainingSettings,
    *,
    init: Path | None = None,
    shape: Mapping[str, Any] | None = None,
    weights: Mapping[str, float] | None = None,
    lexicon: Path | None = None,
    device: str = "cpu",
    fresh: bool = False,
    force: bool = False,
    half: bool = False,
) -> PretrainedEncoder:
    """Train an encoder to guess hidden words of the texts.

    A run that was killed goes on from its last checkpoint, in `<out>.pretraining`; with `fresh`
    it begins anew. That folder keeps the log and the tokenised texts.

    inputs: files or folders of text, a paragraph a line. out: the directory to write, whole or
    not at all. init: an encoder to go on from, of which `shape` may name the `layers` to `grow`
    it to; without it one of the given `shape` (settings of `make_encoder`), whose vocabulary is
    that of the texts. weights: by shard. lexicon: a file of terms that are masked whole. half:
    write float16.
    Raises EncoderError, LexiconError, CorpusError, ConfigError and OutputExistsError.
    """
    _check_machine_and_place(out, device, force, settings)
    terms = Lexicon.from_file(lexicon, shortest=2) if lexicon else None
    shards, work = find_shards(inputs, weights or {}), _work_folder(out)
    licences = read_manifest(shards)
    start = _starting_point(init, shards, work, settings, shape or {})
    tokenizer, model, before = _load(start, settings, (shape or {}) if init else {})
    streams = tokenize_shards(shards, tokenizer, work / "tokens", terms)
    folder = _run_folder(work, settings, streams, init, start, terms, before, fresh)
    trainer = _trainer(settings, tokenizer, model, streams, folder, device)
    progress, measured = trainer.train()
    facts = _facts(init, device, progress) | measured | before
    _write(out, model.cpu(), tokenizer, start, settings, streams, licences, facts, half)
    folder.finish()
    return PretrainedEncoder(out, progress.step, progress.seconds, **measured)


def _work_folder(out: Path) -> Path:
    place = out.resolve()
    return place.with_name(place.name + ".pretraining")


def _facts(init: Path | None, device: str, progress: Progress) -> dict[str, Any]:
    start = init.name if init else "random weights"
    time = {"steps": progress.step, "seconds": progress.seconds}
    return {"start": start, "device": _name(device), **time}


def _trainer(
    settings: PretrainingSettings,
    tokenizer: PreTrainedTokenizerFast,
    model: PreTrainedModel,
    streams: Sequence[TokenStream],
    folder: RunFolder,
    device: str,
) -> Trainer:
    ends = (tokenizer.cls_token_id, tokenizer.sep_token_id)
    reader = BlockReader(streams, settings.length, *ends, settings.seed)
    masking = _masking(settings, tokenizer, model)
    place = torch.device(device)
    return Trainer(MaskedLoss(model), reader, masking, folder, settings, place)


def _run_folder(
    work: Path,
    settings: PretrainingSettings,
    streams: Sequence[TokenStream],
    init: Path | None,
    start: Path,
    lexicon: Lexicon | None,
    before: dict[str, int],
    fresh: bool,
) -> RunFolder:
    shards = [(stream.shard.name, stream.shard.weight) for stream in streams]
    texts = [hashlib.sha256(stream.values.data).hexdigest()[:16] for stream in streams]
    data = {
        "shards": shards,
        "text": texts,
        "init": init.name if init else None,
        "encoder to begin with": _digest_of_encoder(start),
        "lexicon": lexicon.fingerprint if lexicon else None,
    }
    used = [start, *(stream.file for stream in streams if stream.file)]
    return RunFolder(work, settings.identity() | data | before, kept=used if fresh else None)


def _digest_of_encoder(directory: Path) -> str:
    """Of its config, and its files of weights, in whichever of the library's forms."""
    sha = hashlib.sha256((directory / "config.json").read_bytes())
    for path in sorted([*directory.glob("*.safetensors"), *directory.glob("*.bin")]):
        with path.open("rb") as file:
            sha.update(hashlib.file_digest(file, "sha256").digest())
    return sha.hexdigest()[:16]


def _starting_point(
    init: Path | None,
    shards: Sequence[Shard],
    work: Path,
    settings: PretrainingSettings,
    shape: Mapping[str, Any],
) -> Path:
    """Return the directory of the encoder to begin with; make it if there is none."""
    if init is not None:
        check_encoder_directory(init)
        return init
    files = [[s.name, s.weight, s.path.stat().st_size, s.path.stat().st_mtime_ns] for s in shards]
    made_of = json.dumps([dict(shape), settings.seed, files], sort_keys=True)
    start = work / f"start-{hashlib.sha256(made_of.encode()).hexdigest()[:8]}"
    if not start.exists():
        lines = first_lines(shards, _VOCABULARY_CHARACTERS)
        sources = [shard.name for shard in shards]
        make_encoder(lines, start, seed=settings.seed, sources=sources, **shape)
    return start


def _load(
    start: Path, settings: PretrainingSettings, asked: Mapping[str, Any]
) -> tuple[PreTrainedTokenizerFast, PreTrainedModel, dict[str, int]]:
    """Return tokenizer and model; with more `layers` asked for it is grown, and how is said."""
    tokenizer, model = _read(start, settings)
    _prepare(tokenizer, model, start, settings)
    own = model.config.num_hidden_layers
    if asked.get("layers", own) == own:
        return tokenizer, model, {}
    return tokenizer, grow(model, asked["layers"]), {"grown from": own, "layers": asked["layers"]}


def _read(
    start: Path, settings: PretrainingSettings
) -> tuple[PreTrainedTokenizerFast, PreTrainedModel]:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(start)
        torch.manual_seed(settings.seed)
        return tokenizer, load_masked_model(start, settings.dropout)
    except EncoderError:
        raise
    except Exception as error:  # of transformers, tokenizers and safetensors each has its own
        raise EncoderError(
            f"{start}: cannot be loaded, for a setting or a damaged file ({in_one_line(error)})"
        ) from error


def _prepare(
    tokenizer: PreTrainedTokenizerFast,
    model: PreTrainedModel,
    start: Path,
    settings: PretrainingSettings,
) -> None:
    """Check the tokenizer, and make it know the model's limit and cut and pad nothing."""
    if not tokenizer.is_fast:
        raise EncoderError(f"{start}: its tokenizer has no tokenizer.json, which is needed.")
    for kind in ("mask", "cls", "sep"):
        if getattr(tokenizer, f"{kind}_token_id") is None:
            raise EncoderError(f"{start}: its tokenizer has no {kind} token.")
    limit = encoder_limit(model.config, tokenizer.model_max_length)
    if limit is not None and limit < settings.length:
        raise EncoderError(
            f"{start}: takes at most {limit} wordpieces, fewer than the "
            f"length {settings.length} to train on. Give a smaller --length, or for an encoder "
            "that is made anew a larger --max-length."
        )
    tokenizer.model_max_length = limit or settings.length
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()


def _check_machine_and_place(
    out: Path, device: str, force: bool, settings: PretrainingSettings
) -> None:
    check_may_write(out, force=force)
    check_optimizer(settings)
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise EncoderError(f"--device {device}: torch has no such device ({reason})") from None


def _masking(
    settings: PretrainingSettings, tokenizer: PreTrainedTokenizerFast, model: PreTrainedModel
) -> Masking:
    return Masking(
        settings.mask_rate,
        settings.span,
        tokenizer.mask_token_id,
        model.config.vocab_size,
        frozenset(tokenizer.all_special_ids) - {tokenizer.unk_token_id},
    )


def _name(device: str) -> str:
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} CPU core(s)"


def _write(
    out: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    start: Path,
    settings: PretrainingSettings,
    streams: Sequence[TokenStream],
    licences: Mapping[Path, tuple[str, str]],
    facts: Mapping[str, Any],
    half: bool,
) -> None:
    from transformers import AutoConfig

    own = AutoConfig.from_pretrained(start)
    for name in DROPOUTS:
        if hasattr(own, name):
            setattr(model.config, name, getattr(own, name))
    parameters = sum(p.numel() for p in model.base_model.parameters())
    if half:
        model = model.half()
    facts = {**facts, "parameters": parameters, "max_length": tokenizer.model_max_length}
    card = pretrained_card(model.config, settings, streams, licences, facts)
    save_encoder(out, tokenizer, model, card)
