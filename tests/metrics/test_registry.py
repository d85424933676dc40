import subprocess
import sys
from typing import get_args

from radtune.artifacts.code_digest import used_modules
from radtune.config.metrics import MetricName
from radtune.metrics.registry import METRICS


def test_every_configurable_metric_is_registered() -> None:
    assert set(METRICS) == set(get_args(MetricName))


def test_the_code_digest_of_scoring_covers_every_metric() -> None:
    assert {f"radtune.metrics.{name}" for name in METRICS} <= used_modules("radtune.metrics.score").keys()


def test_metrics_of_texts_need_no_neural_network() -> None:
    code = (
        "import sys; from radtune.metrics.registry import METRICS;"
        "[METRICS[name].load() for name in ('rouge', 'bleu', 'cider', 'meteor', 'exact_match', 'token_f1')];"
        "print(sorted({'torch', 'transformers', 'medcat', 'nltk'} & sys.modules.keys()))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
