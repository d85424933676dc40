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
JOURNAL_STRATEGIES = "Bioengineering 2025, 12(12), 1330, section 3.1"

# LLaVA. The adapters of Bioengineering 2025 matched names by suffix, so those on q, k and v reached CLIP's as well.
_LLAVA_MISTRAL = BuildSettings(
    family="llava_next", sources={"model": "hub:llava-hf/llava-v1.6-mistral-7b-hf@main"}, image_size=672
)
_LLAVA_VICUNA = BuildSettings(
    family="llava_next",
    sources={"model": "hub:llava-hf/llava-v1.6-vicuna-7b-hf@main"},
    image_size=672,
    architecture={
        "text_config": {
            "model_type": "llama",
            "hidden_size": 4096,
            "intermediate_size": 11008,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "vocab_size": 32064,
            "max_position_embeddings": 4096,
            "rms_norm_eps": 1e-5,
        }
    },
)
_LLAVA_ATTENTION_AND_MLP = (
    "language:q_proj",
    "language:k_proj",
    "language:v_proj",
    "language:gate_proj",
    "language:up_proj",
    "language:down_proj",
    "vision:q_proj",
    "vision:k_proj",
    "vision:v_proj",
)
_LLAVA_PROJECTOR = ("connector:linear_1", "connector:linear_2")
_LLAVA_HYBRID = AdaptationSettings(  # alpha is not given
    strategy="hybrid",
    rank=32,
    alpha=64,
    targets=(*_LLAVA_ATTENTION_AND_MLP, "vision:fc1", "vision:fc2", *_LLAVA_PROJECTOR),
    unfrozen=("language:embed_tokens", "language:lm_head"),
)
# ICMI 2025 on LLaVA-Mistral: batches of 4 on two GPUs, 32 rows an optimiser step; here on one.
_LLAVA_TRAINING = TrainingSettings(batch_size=4, accumulation=8, activation_checkpointing=True)
_LLAVA_GENERATION = GenerationSettings(batch_size=8)
_LLAVA_RESOURCES = ResourceSettings(train_minutes=4_320, predict_minutes=720)
_ORIGINAL_ROWS = "ours is with the 32,064 word embeddings of the -hf checkpoint; with the original's 32,000 it is"

QWEN25_VL_3B = BuildSettings(
    family="qwen2_5_vl",
    sources={"model": "hub:Qwen/Qwen2.5-VL-3B-Instruct@main"},
    image_size=588,
)
QWEN25_TARGETS = (
    "language:q_proj",
    "language:k_proj",
    "language:v_proj",
    "language:o_proj",
    "language:gate_proj",
    "language:up_proj",
    "language:down_proj",
    "vision:gate_proj",
    "vision:up_proj",
    "vision:down_proj",
)

PUBLISHED_MODELS: dict[str, ModelSettings] = {
    # Bioengineering 2025, 12(12), 1330, and ICMI 2025: 40,108,032 trained of 7,566,747,648.
    "llava16_mistral_7b": ModelSettings(
        licence="Apache-2.0",
        build=_LLAVA_MISTRAL,
        adaptation=AdaptationSettings(strategy="targeted", rank=16, alpha=32, targets=_LLAVA_ATTENTION_AND_MLP),
        training=_LLAVA_TRAINING,
        generation=_LLAVA_GENERATION,
        resources=_LLAVA_RESOURCES,
        printed=PrintedCount(source=JOURNAL, millions=40.1, percent=0.53),
    ),
    # Section 3.1 of the same article: LoRA on every linear layer but the head, 98,467,840 trained. Alpha is not given.
    "llava16_mistral_7b_extended": ModelSettings(
        licence="Apache-2.0",
        build=_LLAVA_MISTRAL,
        adaptation=AdaptationSettings(strategy="extended", rank=32, alpha=64),
        training=_LLAVA_TRAINING,
        generation=_LLAVA_GENERATION,
        resources=_LLAVA_RESOURCES,
        printed=PrintedCount(source=JOURNAL_STRATEGIES, millions=98.4, percent=1.28, note="98.4 M is cut off, not rounded"),
    ),
    # Section 3.1: LoRA, and head and embeddings unfrozen in place, 351,174,656 trained.
    "llava16_mistral_7b_hybrid": ModelSettings(
        licence="Apache-2.0",
        build=_LLAVA_MISTRAL,
        adaptation=_LLAVA_HYBRID,
        training=_LLAVA_TRAINING,
        generation=_LLAVA_GENERATION,
        resources=_LLAVA_RESOURCES,
        printed=PrintedCount(source=JOURNAL_STRATEGIES, millions=350.6, percent=4.58, note=f"{_ORIGINAL_ROWS} 350,650,368"),
    ),
    # The article names q, k, v, MLP and projector with scaling 1.0: 38,354,944 trained of 7,063,431,168.
    "llava16_vicuna_7b": ModelSettings(
        licence="Llama 2 community licence",
        build=_LLAVA_VICUNA,
        adaptation=AdaptationSettings(
            strategy="targeted", rank=16, alpha=16, targets=(*_LLAVA_ATTENTION_AND_MLP, *_LLAVA_PROJECTOR)
        ),
        training=_LLAVA_TRAINING,
        generation=_LLAVA_GENERATION,
        resources=_LLAVA_RESOURCES,
        printed=PrintedCount(
            source=JOURNAL,
            millions=34.4,
            percent=0.48,
            note="no rank gives the printed count with the layers that the article names; 16 is LLaVA-Mistral's",
        ),
    ),
    # Has the printed count, 34,406,400, but not the printed layers.
    "llava16_vicuna_7b_look_alike": ModelSettings(
        licence="Llama 2 community licence",
        build=_LLAVA_VICUNA,
        adaptation=AdaptationSettings(
            strategy="targeted", rank=64, alpha=64, targets=("language:q_proj", "language:v_proj", *_LLAVA_PROJECTOR)
        ),
        training=_LLAVA_TRAINING,
        generation=_LLAVA_GENERATION,
        resources=_LLAVA_RESOURCES,
        printed=PrintedCount(source=JOURNAL, millions=34.4, percent=0.48, note="with other layers than the article names"),
    ),
    # Section 3.1: 347,242,496 trained.
    "llava16_vicuna_7b_hybrid": ModelSettings(
        licence="Llama 2 community licence",
        build=_LLAVA_VICUNA,
        adaptation=_LLAVA_HYBRID,
        training=_LLAVA_TRAINING,
        generation=_LLAVA_GENERATION,
        resources=_LLAVA_RESOURCES,
        printed=PrintedCount(source=JOURNAL_STRATEGIES, millions=346.7, percent=4.85, note=f"{_ORIGINAL_ROWS} 346,718,208"),
    ),
    # Names q, k, v, o and MLP by suffix (CLIP has no o_proj), scaling 1.0: 84,672,512 trained of 7,063,427,072. The
    # projector's printed name, mm_proj, matches nothing in this network.
    "llava15_7b": ModelSettings(
        licence="Llama 2 community licence",
        build=BuildSettings(family="llava", sources={"model": "hub:llava-hf/llava-1.5-7b-hf@main"}, image_size=336),
        adaptation=AdaptationSettings(
            strategy="targeted", rank=32, alpha=32, targets=(*_LLAVA_ATTENTION_AND_MLP, "language:o_proj")
        ),
        training=TrainingSettings(batch_size=4, accumulation=8),
        generation=_LLAVA_GENERATION,
        resources=_LLAVA_RESOURCES,
        printed=PrintedCount(source=JOURNAL, millions=84.6, percent=1.18, note="84.6 M is cut off, not rounded"),
    ),
    # Bioengineering 2025, 12(12), 1330: LoRA on every linear layer, scaling 2.0; 46,198,784 trained of 507,482,304.
    "smolvlm_500m": ModelSettings(
        licence="Apache-2.0",
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
        licence="Gemma terms of use",
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
    # Bioengineering 2025, 12(12), 1330: LoRA on Wqkv, out_proj, fc1, fc2 and proj wherever a name ends so, scaling 0.25;
    # 74,422,272 trained of 1,857,482,608. Only revisions up to 2024-05-08 have that count.
    "moondream2": ModelSettings(
        licence="Apache-2.0",
        build=BuildSettings(
            family="moondream2",
            sources={"model": "hub:vikhyatk/moondream2@2024-05-08"},
            image_size=378,
        ),
        adaptation=AdaptationSettings(
            strategy="targeted",
            rank=64,
            alpha=16,
            targets=(
                "language:Wqkv",
                "language:out_proj",
                "language:fc1",
                "language:fc2",
                "vision:proj",
                "vision:fc1",
                "vision:fc2",
                "connector:fc1",
                "connector:fc2",
            ),
        ),
        training=TrainingSettings(batch_size=4, accumulation=8),
        resources=ResourceSettings(train_memory_mb=48_000),
        printed=PrintedCount(source=JOURNAL, millions=74.4, percent=3.85),
    ),
    # Bioengineering 2025, 12(12), 1330: "q, k, v only", scaling 2.0; by suffix, so in decoder, cross-attention, resampler and
    # vision tower: 19,750,912 trained of 8,929,679,632. Recipe of LLaVA-Mistral (ICMI 2025).
    "idefics_9b": ModelSettings(
        licence="LLaMA licence: non-commercial research",
        build=BuildSettings(
            family="idefics",
            sources={"model": "hub:HuggingFaceM4/idefics-9b-instruct@main"},
            image_size=224,
        ),
        adaptation=AdaptationSettings(
            strategy="targeted",
            rank=16,
            alpha=32,
            targets=tuple(f"{tower}:{name}_proj" for tower in ("language", "connector", "vision") for name in "qkv"),
        ),
        training=TrainingSettings(batch_size=4, accumulation=8, activation_checkpointing=True),
        resources=ResourceSettings(train_minutes=2_880),
        printed=PrintedCount(
            source=JOURNAL,
            millions=22.0,
            percent=0.24,
            note="q, k and v at rank 16 do not give 22.0 M; idefics_9b_look_alike does, with the output projections too",
        ),
    ),
    # The reading that gives the printed 22.0 M: every self-attention projection of decoder and vision tower, neither
    # cross-attention nor resampler; 22,020,096 trained. It contradicts the table's "q, k, v only".
    "idefics_9b_look_alike": ModelSettings(
        licence="LLaMA licence: non-commercial research",
        build=BuildSettings(
            family="idefics",
            sources={"model": "hub:HuggingFaceM4/idefics-9b-instruct@main"},
            image_size=224,
        ),
        adaptation=AdaptationSettings(
            strategy="targeted",
            rank=16,
            alpha=32,
            targets=(
                *(f"language:self_attn.{name}_proj" for name in "qkvo"),
                *(f"vision:self_attn.{name}_proj" for name in ("q", "k", "v", "out")),
            ),
        ),
        training=TrainingSettings(batch_size=4, accumulation=8, activation_checkpointing=True),
        resources=ResourceSettings(train_minutes=2_880),
        printed=PrintedCount(
            source=JOURNAL, millions=22.0, percent=0.24, note="the percentage is cut off; the article names q, k and v only"
        ),
    ),
    # Bioengineering 2025: LoRA on every linear layer, scaling 1.0. The square is the multiple of 28 next to the mean side of 600.
    "qwen2_vl_2b": ModelSettings(
        licence="Apache-2.0",
        build=BuildSettings(
            family="qwen2_vl",
            sources={"model": "hub:Qwen/Qwen2-VL-2B-Instruct@main"},
            image_size=588,
        ),
        adaptation=AdaptationSettings(strategy="extended", rank=32, alpha=32),
        training=TrainingSettings(batch_size=4, accumulation=8),
        printed=PrintedCount(
            source=JOURNAL,
            millions=54.0,
            percent=2.46,
            note="not reproducible from its description; no usual choice of layers and rank gives both figures",
        ),
    ),
    # Bioengineering 2025: "all attention and MLP layers", scaling 0.5. Names match by suffix there, so the vision tower's MLPs
    # come along; its attention has a fused qkv, which none of the names means.
    "qwen25_vl_3b": ModelSettings(
        licence="Qwen research licence, non-commercial",
        build=QWEN25_VL_3B,
        adaptation=AdaptationSettings(strategy="targeted", rank=32, alpha=16, targets=QWEN25_TARGETS),
        training=TrainingSettings(batch_size=4, accumulation=8),
        printed=PrintedCount(
            source=JOURNAL,
            millions=57.0,
            percent=1.87,
            note="not reproducible from its description, with the vision tower or without (59,867,136)",
        ),
    ),
    # The same layers with the rank and the method that give the printed millions: 57,021,184.
    "qwen25_vl_3b_look_alike": ModelSettings(
        licence="Qwen research licence, non-commercial",
        build=QWEN25_VL_3B,
        adaptation=AdaptationSettings(strategy="targeted", rank=24, alpha=12, dora=True, targets=QWEN25_TARGETS),
        training=TrainingSettings(batch_size=4, accumulation=8),
        printed=PrintedCount(
            source=JOURNAL,
            millions=57.0,
            percent=1.87,
            note="chosen to give the printed millions; the percentage is that of a nominal 3.05 B",
        ),
    ),
    # ICMI 2025 and shreydan/VisionGPT2: everything trained, in three stages.
    "visiongpt2": ModelSettings(
        licence="Apache-2.0 (ViT), MIT (GPT-2)",
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
    # Bioengineering 2025, 12(12), 1330: "progressive full fine-tuning" of a DenseNet-121 with a transformer encoder and decoder.
    # Sizes, stages, epochs and batch are ours; the plateau schedule follows from the article's references. ImageNet's weights
    # stand in for CheXNet's, which its authors never published; `path:` takes the file of a reimplementation. Eight of the 128
    # positions are for the start token and the predicted modality.
    "cnn_transformer": ModelSettings(
        licence="BSD-3-Clause (DenseNet), MIT (GPT-2)",
        build=BuildSettings(
            family="cnn_transformer",
            sources={"vision": "hub:timm/densenet121.tv_in1k@main", "language": "hub:openai-community/gpt2@main"},
            image_size=224,
            maximum_text_tokens=120,
        ),
        adaptation=AdaptationSettings(strategy="staged"),
        training=TrainingSettings(epochs=20, batch_size=32, accumulation=1, schedule="plateau"),
        generation=GenerationSettings(maximum_new_tokens=120),
        resources=ResourceSettings(train_memory_mb=32_000),
        printed=PrintedCount(source=JOURNAL, millions=48, percent=100),
    ),
    # arXiv 2312.01504, two-stage: one epoch with the image encoder frozen, then with it. Sizes and rates are not known.
    "soft_prompt_gpt2": ModelSettings(
        licence="BSD-3-Clause (ResNet), MIT (GPT-2)",
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
