"""Float32 copies of the trained parameters, which the optimiser steps on.

A bfloat16 number has 8 significant bits, so an update smaller than about 1/256 of a weight would be rounded away. The
forward and backward passes use the parameters in the model's own precision; gradients are summed and updates applied in
float32 (Micikevicius et al. 2018, Mixed Precision Training, section 3.1).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class MasterWeights:
    """The trained parameters, by name, in float32. A parameter that is float32 already is its own master."""

    def __init__(self, parameters: Mapping[str, nn.Parameter]) -> None:
        self._parameters = dict(parameters)
        self.masters: dict[str, Tensor] = {
            name: parameter if parameter.dtype == torch.float32 else parameter.detach().to(torch.float32).clone().requires_grad_()
            for name, parameter in parameters.items()
        }

    def add_gradients(self) -> None:
        """Move the gradients of one backward pass to the masters, adding to what is there."""
        for name, parameter in self._parameters.items():
            master = self.masters[name]
            if parameter is master or parameter.grad is None:
                continue
            gradient = parameter.grad.to(torch.float32)
            master.grad = gradient if master.grad is None else master.grad.add_(gradient)
            parameter.grad = None

    @torch.no_grad()
    def write_back(self) -> None:
        """Round the masters into the model's parameters, after an optimiser step."""
        for name, parameter in self._parameters.items():
            if parameter is not self.masters[name]:
                parameter.copy_(self.masters[name])

    def state_dict(self) -> dict[str, Tensor]:
        """Masters that are copies: what the model itself cannot give back after a kill."""
        return {name: master.detach().cpu() for name, master in self.masters.items() if master is not self._parameters[name]}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on with the masters that :meth:`state_dict` gave; the model's parameters are set from them."""
        for name, tensor in state.items():
            self.masters[name].copy_(tensor)
        self.write_back()
