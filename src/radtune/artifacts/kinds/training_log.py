"""One row a training step or evaluation: losses, learning rate, speed, memory."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

TRAINING_LOG = Kind(
    name="training_log",
    version=1,
    schema=pa.schema(
        [
            pa.field("step", pa.int64()),  # optimiser steps so far
            pa.field("epoch", pa.float64()),
            pa.field("event", pa.string()),  # train or evaluation
            pa.field("loss", pa.float64()),  # null for evaluations
            pa.field("validation_loss", pa.float64()),  # null for training steps
            pa.field("learning_rate", pa.float64()),
            pa.field("gradient_norm", pa.float64()),
            pa.field("samples", pa.int64()),  # training samples so far
            pa.field("tokens", pa.int64()),  # tokens so far, image tokens included
            pa.field("samples_per_second", pa.float64()),
            pa.field("tokens_per_second", pa.float64()),
            pa.field("seconds", pa.float64()),  # since the run began, pauses left out
            pa.field("memory_mb", pa.float64()),  # peak, of the device or the process
        ]
    ),
    key=("step", "event"),
    volatile=frozenset({"samples_per_second", "tokens_per_second", "seconds", "memory_mb"}),
)
