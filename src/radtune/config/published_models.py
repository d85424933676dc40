"""The published models, one a paper's row, with that paper's recipe."""

from __future__ import annotations

from radtune.config.models import (
    AdaptationSettings,
    BuildSettings,
    GenerationSettings,
    ModelSettings,
    PrintedCount,
    ResourceSettings,
    TrainingSettings,
)

JOURNAL = "Bioengineering 2025, 12(12), 1330, table 3"

PUBLISHED_MODELS: dict[str, ModelSettings] = {
    # Bioengineering 2025, 12(12), 1330: LoRA on every linear layer, scaling 2.0; 46,198,784 trained of 507,482,304.
    "smolvlm_500m": ModelSettings(
        build=BuildSettings(
            family="smolvlm",
            sources={"model": "hub:HuggingFaceTB/SmolVLM-500M-Instruct@main"},
            image_size=512,
        ),
        adaptation=AdaptationSettings(strategy="extended", rank=64, alpha=128),
        printed=PrintedCount(
            source=JOURNAL,
            millions=41.7,
            percent=8.34,
            note="the percentage agrees; 41.7 M is that percentage of a nominal 0.5 B",
        ),
    ),
    # "Adapting Lightweight Vision Language Models for Radiological VQA" (2025). Its printed target "j" is "k" in the article's
    # own source; names match by suffix there, so SigLIP's q, k and v come along: 12,966,912 trained.
    "paligemma_3b": ModelSettings(
        build=BuildSettings(
            family="paligemma",
            sources={"model": "hub:google/paligemma-3b-mix-448@main"},
            image_size=448,
        ),
        adaptation=AdaptationSettings(
            strategy="targeted",
            rank=12,
            alpha=32,
            targets=(
                "language:q_proj",
                "language:k_proj",
                "language:v_proj",
                "language:o_proj",
                "language:up_proj",
                "language:down_proj",
                "vision:q_proj",
                "vision:k_proj",
                "vision:v_proj",
            ),
        ),
        training=TrainingSettings(
            mix="captions_and_questions",
            batch_size=6,
            accumulation=16,
            learning_rate=1e-5,
            schedule="constant",
            activation_checkpointing=True,
        ),
        generation=GenerationSettings(tasks=("caption", "question"), batch_size=8),
        resources=ResourceSettings(train_minutes=2_880, train_memory_mb=96_000),
    ),
    # ICMI 2025 and shreydan/VisionGPT2: everything trained, in three stages.
    "visiongpt2": ModelSettings(
        build=BuildSettings(
            family="visiongpt2",
            sources={
                "vision": "hub:timm/vit_base_patch16_224.augreg2_in21k_ft_in1k@main",
                "language": "hub:openai-community/gpt2@main",
            },
            image_size=224,
        ),
        adaptation=AdaptationSettings(strategy="staged"),
        training=TrainingSettings(epochs=5, batch_size=8, accumulation=1, learning_rate=1e-4, schedule="onecycle"),
        generation=GenerationSettings(maximum_new_tokens=50),
        resources=ResourceSettings(train_memory_mb=32_000),
        printed=PrintedCount(
            source=JOURNAL, millions=210, percent=100, note="210,236,928 without the cross-attention that joins its two networks"
        ),
    ),
    # arXiv 2312.01504, two-stage: one epoch with the image encoder frozen, then with it. Sizes and rates are not known.
    "soft_prompt_gpt2": ModelSettings(
        build=BuildSettings(
            family="soft_prompt",
            sources={"vision": "hub:timm/resnet50.tv_in1k@main", "language": "hub:openai-community/gpt2-large@main"},
            vision_backbone="resnet50",
            image_size=224,
            options={"visual_prompts": 49, "mapper_heads": 8, "mapper_feed_forward": 2048},
        ),
        adaptation=AdaptationSettings(strategy="staged", rank=8, alpha=16, targets=("language:c_attn",)),
        training=TrainingSettings(batch_size=8, accumulation=4, learning_rate=1e-4),
        resources=ResourceSettings(train_memory_mb=32_000),
    ),
}
"""By the name of the model, which is also its target in Snakemake."""
