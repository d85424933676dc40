from pathlib import Path

import pytest

from metrics.tiny_checkpoints import PAIRS, write_bleurt
from radtune.config.metrics import MetricSettings
from radtune.errors import WeightsError
from radtune.metrics.bleurt import bleurt
from radtune.metrics.clinical_bleurt import clinical_bleurt
from radtune.metrics.contract import Resources, Sample, evaluate

NOWHERE = Path("none")
SAMPLES = [Sample(str(index), "caption", *pair) for index, pair in enumerate(PAIRS[:4])]


def test_is_bleurt_with_the_users_checkpoint(tmp_path: Path) -> None:
    source = f"path:{write_bleurt(tmp_path)}"
    settings = MetricSettings(bleurt_source=source, clinical_bleurt_source=source, threads=1)
    resources = Resources(settings, NOWHERE, NOWHERE, NOWHERE, NOWHERE)
    clinical = evaluate(clinical_bleurt, SAMPLES, resources)
    assert clinical.values == {"clinical_bleurt": evaluate(bleurt, SAMPLES, resources).values["bleurt"]}
    assert clinical.signature["checkpoint"] == source


def test_without_a_checkpoint_it_is_unavailable_and_says_so() -> None:
    resources = Resources(MetricSettings(), NOWHERE, NOWHERE, NOWHERE, NOWHERE)
    with pytest.raises(WeightsError, match=r"no public checkpoint[\s\S]*metrics\.clinical_bleurt_source"):
        evaluate(clinical_bleurt, SAMPLES, resources)
