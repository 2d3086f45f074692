"""The steps of pretraining."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from time import perf_counter

import numpy as np
import torch
from tqdm import tqdm

from spacy_bioner.encoders.pretraining.blocks import BlockReader
from spacy_bioner.encoders.pretraining.checkpoint import Progress, RunFolder
from spacy_bioner.encoders.pretraining.masking import MaskedBlocks, Masking
from spacy_bioner.encoders.pretraining.network import MaskedLoss
from spacy_bioner.encoders.pretraining.optimizers import build_optimizers
from spacy_bioner.encoders.pretraining.settings import PretrainingSettings, rate_at
from spacy_bioner.errors import EncoderError
from spacy_bioner.networks.bfloat16 import has_fast_bfloat16
from spacy_bioner.networks.threads import on_threads

_LOG_EVERY = 50
_MOST_BYTES_OF_GRADIENTS = 2 << 30


class Trainer:
    """Trains an encoder step by step, and goes on where a killed run was saved.

    Each step's blocks, masks and dropout follow from the seed and the step's number.
    """

    def __init__(
        self,
        loss: MaskedLoss,
        reader: BlockReader,
        masking: Masking,
        folder: RunFolder,
        settings: PretrainingSettings,
        device: torch.device,
    ) -> None:
        self._loss = loss.to(device)
        self._run_loss = torch.compile(self._loss) if settings.compile else self._loss
        self._reader = reader
        self._masking = masking
        self._folder = folder
        self._settings = settings
        self._device = device
        self._autocasts = settings.precision == "bfloat16" or (
            settings.precision == "auto" and has_fast_bfloat16(device.type)
        )
        self._optimizers = build_optimizers(self._loss, settings)
        self._trained = [p for p in self._loss.parameters() if p.requires_grad]
        self._threads = self._threads_that_share()
        self._held_out = masking.apply(reader.held_out(), np.random.default_rng((settings.seed, 3)))

    def train(self) -> tuple[Progress, dict[str, float]]:
        """Train to the end, leave the network with its last weights and say how good it is.

        Raises EncoderError if the loss or its gradient is no longer a number.
        """
        self._loss.train()
        at = self._folder.load(self._loss, self._optimizers)
        saved = at.seconds
        with self._bar(at) as bar:
            for masked in self._masked_blocks(at.step):
                if self._share(at) >= 1:
                    break
                began = perf_counter()
                at.losses += self._step(masked, at)
                at.step += 1
                at.seconds += perf_counter() - began
                self._show(bar, at)
                if at.step % _LOG_EVERY == 0:
                    self._log(bar, at, at.losses / _LOG_EVERY)
                    at.losses = 0.0
                if at.step % self._settings.evaluate_every == 0:
                    self._folder.log({"step": at.step, **self.evaluate()})
                if at.seconds - saved >= 60 * self._settings.checkpoint_minutes:
                    self._folder.save(self._loss, self._optimizers, at)
                    saved = at.seconds
        measured = self.evaluate()
        if not self._folder.has_logged(at.step, "held_out_loss"):
            self._folder.log({"step": at.step, **measured})
        self._folder.save(self._loss, self._optimizers, at)
        return at, measured

    def _share(self, at: Progress) -> float:
        """Return how much of the run is done, from 0 to 1."""
        if self._settings.steps is not None:
            return at.step / self._settings.steps
        assert self._settings.minutes is not None
        return at.seconds / (60 * self._settings.minutes)

    def _masked_blocks(self, step: int) -> Iterator[MaskedBlocks]:
        """Yield the steps' blocks; the next is made while one is trained on."""
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self._masked, step)
            while True:
                step += 1
                ready, coming = coming, pool.submit(self._masked, step)
                yield ready.result()

    def _masked(self, step: int) -> MaskedBlocks:
        rng = np.random.default_rng((self._settings.seed, 2, step))
        return self._masking.apply(self._reader.train(step, self._settings.batch_size), rng)

    def _step(self, masked: MaskedBlocks, at: Progress) -> float:
        """Make one update and return its loss."""
        settings = self._settings
        torch.manual_seed(settings.seed * 1_000_003 + at.step)
        total = self._find_gradients(masked)
        norm = float(torch.nn.utils.clip_grad_norm_(self._trained, settings.clip))
        if not (np.isfinite(total) and np.isfinite(norm)):
            raise EncoderError(
                f"at step {at.step} the loss is {total} and the norm of its gradient {norm}: the "
                "learning rate is too high. Begin anew, with --fresh and a lower --learn-rate."
            )
        self._optimizers.step(rate_at(self._share(at), settings))
        return total

    def _find_gradients(self, masked: MaskedBlocks) -> float:
        """Set the gradients of a step, part by part, and return its loss."""
        total = 0.0
        for part in self._parts(masked, self._settings.accumulate):
            if len(part[0]) >= self._threads > 1:
                total += self._share_among_threads(part)
            else:
                share = len(part[0]) / self._settings.batch_size
                with self._precision():
                    loss, _ = self._run_loss(*part)
                (share * loss).backward()
                total += share * float(loss.detach())
        return total

    def _share_among_threads(self, part: tuple[torch.Tensor, ...]) -> float:
        """Add the gradients of some blocks, a thread for each piece, in order."""
        pieces = list(zip(*(array.tensor_split(self._threads) for array in part), strict=True))
        total = 0.0
        for piece, (loss, gradients) in zip(
            pieces, on_threads(self._gradients, pieces), strict=True
        ):
            share = len(piece[0]) / self._settings.batch_size
            total += share * loss
            for parameter, gradient in zip(self._trained, gradients, strict=True):
                _add_gradient(parameter, gradient, share)
        return total

    def _gradients(
        self, piece: tuple[torch.Tensor, ...]
    ) -> tuple[float, tuple[torch.Tensor | None, ...]]:
        """Return the mean loss of some blocks and the gradients of the trained weights."""
        with self._precision():
            loss, _ = self._run_loss(*piece)
        return float(loss.detach()), torch.autograd.grad(loss, self._trained, allow_unused=True)

    def _threads_that_share(self) -> int:
        """Return among how many threads the blocks of a step are shared; 1: they are not.

        Threads share nothing that is random, so there must be no dropout, and each holds
        gradients of its own.
        """
        settings, threads = self._settings, torch.get_num_threads()
        held = threads * sum(4 * parameter.numel() for parameter in self._trained)
        shares = self._device.type == "cpu" and settings.dropout == 0 and not settings.compile
        return threads if shares and held <= _MOST_BYTES_OF_GRADIENTS else 1

    def _parts(self, masked: MaskedBlocks, parts: int) -> Iterator[tuple[torch.Tensor, ...]]:
        arrays = (masked.inputs, masked.positions, masked.targets)
        for rows in np.array_split(np.arange(len(masked.inputs)), parts):
            yield tuple(torch.from_numpy(array[rows]).to(self._device) for array in arrays)

    def _precision(self) -> AbstractContextManager[object]:
        # The cache of autocast is one for all threads.
        return torch.autocast(
            self._device.type,
            torch.bfloat16,
            enabled=self._autocasts,
            cache_enabled=self._threads == 1,
        )

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Return the loss and the accuracy at the hidden tokens of the held-out blocks."""
        self._loss.eval()
        n = len(self._held_out.inputs)
        total, right = 0.0, 0
        for part in self._parts(self._held_out, -(-n // self._settings.batch_size)):
            with self._precision():
                loss, correct = self._loss(*part)
            total += float(loss) * len(part[0]) / n
            right += int(correct)
        self._loss.train()
        accuracy = right / self._held_out.targets.size
        return {"held_out_loss": round(total, 4), "held_out_accuracy": round(accuracy, 4)}

    def _log(self, bar: tqdm, at: Progress, loss: float) -> None:
        tokens = at.step * self._settings.batch_size * self._settings.length
        speed = tokens / at.seconds
        rate = self._optimizers.rate
        bar.set_postfix_str(f"loss {loss:.3f}, {speed:,.0f} tokens/s")
        entry = {"step": at.step, "tokens": tokens, "loss": round(loss, 4), "rate": rate}
        self._folder.log(entry | {"seconds": round(at.seconds, 1)})

    def _bar(self, at: Progress) -> tqdm:
        by_steps = self._settings.steps is not None
        total = self._settings.steps if by_steps else round(60 * (self._settings.minutes or 0))
        done = at.step if by_steps else round(at.seconds)
        unit = "step" if by_steps else "s"
        return tqdm(desc="pretraining", total=total, initial=done, unit=unit, disable=None)

    def _show(self, bar: tqdm, at: Progress) -> None:
        done = at.step if self._settings.steps is not None else min(bar.total, round(at.seconds))
        bar.update(done - bar.n)


def _add_gradient(
    parameter: torch.nn.Parameter, gradient: torch.Tensor | None, share: float
) -> None:
    if gradient is None:
        return
    if parameter.grad is None:
        parameter.grad = gradient * share
    else:
        parameter.grad.add_(gradient, alpha=share)
