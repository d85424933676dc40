from __future__ import annotations

from radtune.datasets.sample_captions import Facts, compose

FACTS = Facts(
    "CT",
    "the head",
    detail="the right temporal bone",
    plane="axial",
    contrast="contrast-enhanced",
    window="bone window",
    notes=("Slice thickness 5 mm.",),
)


def test_every_fact_is_said_in_every_phrasing() -> None:
    captions = {compose(FACTS, f"picture {number}", seed=1) for number in range(60)}
    assert len(captions) > 5
    for caption in captions:
        for fact in ("the head", "the right temporal bone", "axial", "contrast-enhanced", "bone window"):
            assert fact in caption[0].lower() + caption[1:]
        assert caption[0].isupper()
        assert caption.endswith(".")
        assert "  " not in caption
    assert {"Slice thickness" in caption for caption in captions} == {True, False}


def test_what_is_not_known_is_not_said() -> None:
    captions = {compose(Facts("Radiograph", "the chest", view="posteroanterior"), str(number), 1) for number in range(30)}
    assert captions == {
        "Posteroanterior radiograph of the chest.",
        "Plain X-ray of the chest, posteroanterior projection.",
        "X-ray of the chest in posteroanterior view.",
    }


def test_wording_depends_on_key_and_seed_only() -> None:
    keys = [f"picture {number}" for number in range(20)]
    forward = {key: compose(FACTS, key, 1) for key in keys}
    backward = {key: compose(FACTS, key, 1) for key in reversed(keys)}
    assert forward == backward
    assert forward != {key: compose(FACTS, key, 2) for key in keys}
