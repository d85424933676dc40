from typing import get_args

from radtune.config.metrics import MetricSettings, VariantName
from radtune.metrics.variants import VARIANTS, with_variant


def test_every_variant_sets_the_same_fields_and_gives_valid_settings() -> None:
    assert set(VARIANTS) == set(get_args(VariantName))
    for name, fields in VARIANTS.items():
        settings = with_variant(MetricSettings(variant=name))
        assert MetricSettings.parse(settings.canonical()) == settings
        assert {field: getattr(settings, field) for field in fields} == fields
        assert {"bertscore_value", "bertscore_idf", "relevance", "factuality"} <= fields.keys()


def test_the_text_and_the_code_of_2025_differ() -> None:
    code, paper, later = (with_variant(MetricSettings(variant=name)) for name in list(VARIANTS)[1:])
    assert (code.bertscore_value, paper.bertscore_value) == ("f1", "recall")
    assert (code.concept_types, paper.concept_types) == ("all", "medcon")
    assert set(paper.relevance) - set(code.relevance) == {"bleurt"}
    assert later.relevance == paper.relevance


def test_a_copy_of_bleurt_in_a_folder_stays() -> None:
    settings = MetricSettings(variant="imageclef2025-paper", bleurt_source="path:BLEURT-20")
    assert with_variant(settings).bleurt_source == "path:BLEURT-20"
    assert with_variant(settings).bertscore_value == "recall"


def test_without_a_variant_the_settings_stand() -> None:
    settings = MetricSettings(bertscore_idf=True)
    assert with_variant(settings) is settings
