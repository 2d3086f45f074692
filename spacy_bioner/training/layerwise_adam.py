"""AdamW with a learning rate that shrinks from the classifier toward the input."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from thinc.api import Optimizer, get_array_module, xp2torch

from spacy_bioner.errors import ConfigError
from spacy_bioner.training.blocks import Depth, block_of, distance_from_classifier
from spacy_bioner.training.groups import ParameterGroup, parse_group
from spacy_bioner.training.heap import give_back_memory

Key = tuple[int, str]

# Biases and the weights of norms: in a transformer by name, in thinc's layers "b" and "G".
NO_DECAY = [
    "*bias",
    "bias_*",
    "b",
    "G",
    "*LayerNorm.weight",
    "*norm.weight",
    "*layernorm_embedding.weight",
]
# Names of parameters in thinc's layers and ours; torch's are longer.
_THINC_NAME = re.compile(r"[A-Za-z]|crf_\w+")
_UPDATES_TO_GIVE_BACK = 50


@dataclass
class ParameterState:
    """Adam's moments of one parameter, of its shape, and the number of its steps, ()."""

    mean: torch.Tensor
    square: torch.Tensor
    steps: torch.Tensor
    updates: int = 0


def build_layerwise_adam(
    learn_rate: float | list[float] | Iterator[float] = 4e-5,
    layer_decay: float = 1.2,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    grad_clip: float = 1.0,
    use_averages: bool = False,
    no_decay: list[str] = NO_DECAY,
    groups: dict[str, dict[str, Any]] = {},  # noqa: B006 (a config default, never changed)
) -> "LayerwiseAdam":
    """Registered as `spacy_bioner.LayerwiseAdam.v1`. See LayerwiseAdam for the settings.

    groups: sections `[training.optimizer.groups.NAME]` with `pattern`, `rate_scale`
        and `weight_decay`, for example for the CRF, which wants a higher rate:
        pattern = "crf_*". The first that fits a name counts.

    Raises ConfigError on a setting that cannot work.
    """
    optimizer = LayerwiseAdam(
        learn_rate,
        layer_decay=layer_decay,
        betas=(beta1, beta2),
        eps=eps,
        weight_decay=weight_decay,
        grad_clip=grad_clip,
        use_averages=use_averages,
        no_decay=no_decay,
        groups=[parse_group(name, settings) for name, settings in groups.items()],
    )
    _check(optimizer, learn_rate)
    return optimizer


def _check(optimizer: "LayerwiseAdam", learn_rate: float | list[float] | Iterator[float]) -> None:
    """Raise ConfigError for numbers that cannot work. learn_rate: looked at if it is a number."""
    if optimizer.layer_decay <= 0:
        raise ConfigError(
            f"[training.optimizer] layer_decay must be above 0, got {optimizer.layer_decay}"
        )
    if not (0 <= optimizer.b1 < 1 and 0 <= optimizer.b2 < 1):
        raise ConfigError(
            "[training.optimizer] betas must be at least 0 and below 1, "
            f"got {optimizer.b1} and {optimizer.b2}"
        )
    if not 0 < optimizer.eps < math.inf:
        raise ConfigError(f"[training.optimizer] eps must be above 0, got {optimizer.eps}")
    numbers = {
        "weight_decay": optimizer.L2,
        "grad_clip": optimizer.grad_clip,
        "learn_rate": learn_rate,
    }
    for setting, value in numbers.items():
        if isinstance(value, int | float) and not 0 <= value < math.inf:
            raise ConfigError(f"[training.optimizer] {setting} must not be below 0, got {value}")


class LayerwiseAdam(Optimizer):  # type: ignore[misc]
    """AdamW whose rate shrinks from block to block toward the input.

    learn_rate: of the classifier and all else that is no transformer: a number or
        a schedule. Each block toward the input learns at the rate before it
        divided by `layer_decay` (Howard and Ruder 2018; Feng et al. 2022 find 1.2;
        below 1 the rate grows toward the input).
    betas, eps: as in Adam (Kingma and Ba 2015).
    weight_decay: decoupled, times the learning rate (Loshchilov and Hutter 2019),
        not for names that fit a pattern of `no_decay`.
    grad_clip: largest norm of the gradient of each parameter tensor; 0 for none.
    use_averages: evaluate and save a moving average of all weights, torch's included
        (Polyak and Juditsky 1992); its memory grows from step to step up to 10,000 steps.
    groups: parameters with rates and decay of their own, see ParameterGroup.

    The number of a transformer's layers, and with it each block's rate, is known
    only when all its parameters have been seen. So the first update is held back
    until `step_schedules`, which spaCy's training calls at the end of each, or
    until a parameter comes for the second time.
    """

    def __init__(
        self,
        learn_rate: float | list[float] | Iterator[float],
        *,
        layer_decay: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        grad_clip: float,
        use_averages: bool = False,
        no_decay: list[str],
        groups: list[ParameterGroup],
    ) -> None:
        super().__init__(
            learn_rate,
            beta1=betas[0],
            beta2=betas[1],
            eps=eps,
            L2=weight_decay,
            grad_clip=grad_clip,
            use_averages=use_averages,
        )
        self.layer_decay = layer_decay
        self.no_decay = no_decay
        self.groups = groups
        self._names: dict[int, set[str]] = {}
        self._settings: dict[Key, tuple[float, float]] = {}
        self._states: dict[Key, ParameterState] = {}
        self._held: dict[Key, tuple[Any, Any, float]] | None = {}
        self._updates = 0

    def __call__(
        self, key: Key, weights: Any, gradient: Any, *, lr_scale: float = 1.0
    ) -> tuple[Any, Any]:
        """Updates `weights` in place and returns both, `gradient` to be zeroed or zero.

        Names with dots come from torch modules, whose shim zeroes their gradients
        after this call; a second pass over them would cost an eighth of the step.
        """
        if len(gradient) < 1:
            return weights, gradient
        self._meet(key)
        if self._held is not None and key in self._held:
            self._release()
        if self._held is not None:
            self._held[key] = (weights, gradient.copy(), lr_scale)
        else:
            self._step(key, weights, gradient, lr_scale)
        if "." not in key[1]:
            gradient[...] = 0
        return weights, gradient

    def step_schedules(self) -> None:
        """Ends an update: what was held back is done, and every schedule moves on."""
        if self._held is not None:
            self._release()
        super().step_schedules()
        self._updates += 1
        if self._updates % _UPDATES_TO_GIVE_BACK == 0:
            give_back_memory()

    def settings(self, name: str, depth: Depth) -> tuple[float, float]:
        """Factor on the learning rate, and weight decay, of a parameter.

        Raises ConfigError for a dotted name that no block and no group fits.
        """
        group = self.group_of(name)
        if group is None:
            return self._block_scale(name, depth), self._weight_decay(name, None)
        scale = group.rate_scale * (
            self._block_scale(name, depth) if _is_known(name, depth) else 1.0
        )
        return scale, self._weight_decay(name, group.weight_decay)

    def group_of(self, name: str) -> ParameterGroup | None:
        """The named group of a parameter, if it is in one."""
        return next((g for g in self.groups if fnmatchcase(name, g.pattern)), None)

    def _weight_decay(self, name: str, of_group: float | None) -> float:
        if any(fnmatchcase(name, pattern) for pattern in self.no_decay):
            return 0.0
        return float(self.L2) if of_group is None else of_group

    def _block_scale(self, name: str, depth: Depth) -> float:
        return self.layer_decay ** -distance_from_classifier(block_of(name, depth), depth)

    def _meet(self, key: Key) -> None:
        names = self._names.setdefault(key[0], set())
        if key[1] not in names:
            names.add(key[1])
            self._settings.clear()

    def _release(self) -> None:
        held, self._held = self._held, None
        for key, (weights, gradient, lr_scale) in (held or {}).items():
            self._step(key, weights, gradient, lr_scale)

    def _step(self, key: Key, weights: Any, gradient: Any, lr_scale: float) -> None:
        if key not in self._settings:
            self._settings[key] = self.settings(key[1], Depth.of(self._names[key[0]]))
        rate_scale, weight_decay = self._settings[key]
        parameter, slope = _as_torch(weights), _as_torch(gradient)
        if key not in self._states:
            self._states[key] = ParameterState(
                torch.zeros_like(parameter),
                torch.zeros_like(parameter),
                torch.zeros((), device=parameter.device),
            )
        state = self._states[key]
        state.steps += 1
        state.updates += 1
        # what torch.optim.AdamW(fused=True) calls, without what it does around it
        torch._fused_adamw_(
            [parameter],
            [slope],
            [state.mean],
            [state.square],
            [],
            [state.steps],
            lr=self.learn_rate * rate_scale * lr_scale,
            beta1=self.b1,
            beta2=self.b2,
            weight_decay=weight_decay,
            eps=self.eps,
            amsgrad=False,
            maximize=False,
            grad_scale=_excess(gradient, self.grad_clip, parameter.device),
        )
        if self.averages is not None:
            self._average(key, weights, parameter, state.updates)

    def _average(self, key: Key, weights: Any, parameter: torch.Tensor, updates: int) -> None:
        """Move the average of a parameter toward it, by thinc's rule for the weight of the past.

        thinc's layers look the average up by (id, name), torch's by a string; their ids are
        counted apart, so a name of thinc's must not stand among torch's.
        """
        assert self.averages is not None
        if key not in self.averages:
            self.averages[key] = weights.copy()
            if not _THINC_NAME.fullmatch(key[1]):
                self.averages[f"pytorch_{key[0]}_{key[1]}"] = self.averages[key]
        past = min(0.9999, (1 + updates) / (10 + updates))
        _as_torch(self.averages[key]).lerp_(parameter, 1 - past)


def _is_known(name: str, depth: Depth) -> bool:
    try:
        block_of(name, depth)
    except ConfigError:
        return False
    return True


def _as_torch(values: Any) -> torch.Tensor:
    """A tensor of the same memory; thinc's own function takes ten times as long for numpy's."""
    return torch.from_numpy(values) if isinstance(values, np.ndarray) else xp2torch(values)


def _excess(gradient: Any, largest_norm: float, device: torch.device) -> torch.Tensor | None:
    """By what, (), to divide the gradient so that its norm is at most this; 0 for no limit."""
    if not largest_norm:
        return None
    # a product of the vector with itself: faster than torch's norm
    excess = float(get_array_module(gradient).linalg.norm(gradient)) / largest_norm
    return torch.tensor(excess, device=device) if excess > 1 else None
