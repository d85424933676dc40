from radtune.metrics.semantic_groups import MEDCON, SEMANTIC_GROUPS


def test_every_type_belongs_to_one_group() -> None:
    types = [name for group in SEMANTIC_GROUPS.values() for name in group]
    assert len(SEMANTIC_GROUPS) == 15
    assert len(types) == len(set(types)) == 127  # as many as the Semantic Network has


def test_medcon_counts_findings_but_no_modality_and_no_side() -> None:
    assert len(MEDCON) == 66
    assert "T033" in MEDCON
    assert not {"T060", "T082"} & MEDCON
