"""Which models to plan. Loads no torch, so that a mistyped name is refused at once."""

from __future__ import annotations

from collections.abc import Sequence

from radtune.config.run import RadtuneConfig
from radtune.errors import ConfigError


def chosen_models(config: RadtuneConfig, names: Sequence[str] = (), strategies: Sequence[str] = ()) -> list[str]:
    """Those of `models` that are asked for, in their order; all if nothing is named.

    Raises :class:`ConfigError` for a name that is none of them, and for a strategy that none of them has.
    """
    for name in names:
        if name not in config.models:
            raise ConfigError(f"--model: {name!r} is not one of the models", f"choose from {', '.join(config.models)}")
    chosen = [name for name in config.models if not names or name in names]
    there = dict.fromkeys(config.models[name].adaptation.strategy for name in chosen)
    for strategy in strategies:
        if strategy not in there:
            raise ConfigError(
                f"--strategy: {strategy!r} is the strategy of none of the models", f"choose from {', '.join(there)}"
            )
    return [name for name in chosen if not strategies or config.models[name].adaptation.strategy in strategies]
