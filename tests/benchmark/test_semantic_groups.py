from radtune.benchmark.semantic_groups import SEMANTIC_GROUPS


def test_every_type_belongs_to_one_group() -> None:
    types = [name for group in SEMANTIC_GROUPS.values() for name in group]
    assert len(SEMANTIC_GROUPS) == 15
    assert len(types) == len(set(types)) == 127  # as many as the Semantic Network has
