"""Where each artifact of a run lies below ``results/<run>/``: the one list of paths that rules, report and audit share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FurtherLayout:
    """Paths of a further data set, called as those of the first."""

    folder: Path
    """``results/<run>/datasets/<name>``."""

    @property
    def captions(self) -> Path:
        """All items, with or without a caption."""
        return self.folder / "captions.parquet"

    @property
    def concepts(self) -> Path:
        """The concept table."""
        return self.folder / "concepts.parquet"

    @property
    def published_questions(self) -> Path:
        """Published questions."""
        return self.folder / "published_questions.parquet"

    @property
    def captions_quarantine(self) -> Path:
        """Items and questions that could not be used."""
        return self.folder / "captions_quarantine.parquet"

    @property
    def unpacked(self) -> Path:
        """Images that were no files of their own."""
        return self.folder / "unpacked"


@dataclass(frozen=True)
class Layout:
    """Paths of one run."""

    run: Path
    """``results/<run>``."""

    # datasets
    @property
    def sample_folder(self) -> Path:
        """The embedded sample in ROCOv2's layout (only with ``source: sample``)."""
        return self.run / "datasets/sample"

    @property
    def sample_sources(self) -> Path:
        """How every sample image was made."""
        return self.run / "datasets/sample_sources.parquet"

    @property
    def sample_quarantine(self) -> Path:
        """What the sample builder left out."""
        return self.run / "datasets/sample_quarantine.parquet"

    @property
    def captions(self) -> Path:
        """All image–caption pairs."""
        return self.run / "datasets/captions.parquet"

    @property
    def concepts(self) -> Path:
        """The concept table."""
        return self.run / "datasets/concepts.parquet"

    @property
    def captions_quarantine(self) -> Path:
        """Pairs that could not be used."""
        return self.run / "datasets/captions_quarantine.parquet"

    @property
    def published_questions(self) -> Path:
        """Questions that the data set itself publishes."""
        return self.run / "datasets/published_questions.parquet"

    @property
    def unpacked(self) -> Path:
        """Images of a data set that has them in Parquet or DICOM."""
        return self.run / "datasets/unpacked"

    def further(self, name: str) -> FurtherLayout:
        """Paths of a further data set."""
        return FurtherLayout(self.run / "datasets" / name)

    @property
    def leakage(self) -> Path:
        """Overlap between splits and between data sets. It lies with the images, which it is read from."""
        return self.run / "images/leakage.parquet"

    # images
    def images(self, shard: int | str, shards: int) -> Path:
        """One shard of standardised images."""
        return self.run / f"images/images-{_five(shard)}-of-{shards:05d}.parquet"

    def images_quarantine(self, shard: int | str, shards: int) -> Path:
        """Images of one shard that could not be used."""
        return self.run / f"images/quarantine-{_five(shard)}-of-{shards:05d}.parquet"

    def burned_in_text(self, shard: int | str, shards: int) -> Path:
        """Where text is burned into the images of one shard."""
        return self.run / f"images/burned_in_text-{_five(shard)}-of-{shards:05d}.parquet"

    def all_burned_in_text(self, shards: int) -> list[Path]:
        """The same of every shard."""
        return [self.burned_in_text(shard, shards) for shard in range(shards)]

    def all_images(self, shards: int) -> list[Path]:
        """Every shard of standardised images."""
        return [self.images(shard, shards) for shard in range(shards)]

    def all_images_quarantine(self, shards: int) -> list[Path]:
        """Every shard of rejected images."""
        return [self.images_quarantine(shard, shards) for shard in range(shards)]

    # modality
    @property
    def modality_labels(self) -> Path:
        """Modality labels from CUIs."""
        return self.run / "modality/labels.parquet"

    @property
    def modality_classifier(self) -> Path:
        """Weights of the classifier; its temperature stands in the calibration artifact."""
        return self.run / "modality/classifier.safetensors"

    @property
    def modality_training_log(self) -> Path:
        """Training log of the classifier."""
        return self.run / "modality/training_log.parquet"

    @property
    def modality_predictions(self) -> Path:
        """Predicted modality of every image."""
        return self.run / "modality/predictions.parquet"

    @property
    def classification_report(self) -> Path:
        """Precision, recall and F1."""
        return self.run / "modality/classification_report.parquet"

    @property
    def confusion_matrix(self) -> Path:
        """Confusion matrix."""
        return self.run / "modality/confusion_matrix.parquet"

    @property
    def calibration(self) -> Path:
        """Reliability table."""
        return self.run / "modality/calibration.parquet"

    # questions
    @property
    def llm_replies(self) -> Path:
        """Raw replies of the question writer."""
        return self.run / "questions/replies.parquet"

    @property
    def question_pairs(self) -> Path:
        """Parsed pairs with the filters' verdicts."""
        return self.run / "questions/pairs.parquet"

    @property
    def known_pairs(self) -> Path:
        """Pairs whose answers are known by construction."""
        return self.run / "questions/known.parquet"

    # mixes
    def mix(self, name: str) -> Path:
        """One mix."""
        return self.run / f"mixes/{name}.parquet"

    def mix_quarantine(self, name: str) -> Path:
        """Rows that did not enter the mix."""
        return self.run / f"mixes/{name}_quarantine.parquet"

    # training
    def adapter(self, model: str) -> Path:
        """What training changed: every trained tensor by name."""
        return self.run / f"training/{model}/adapter.safetensors"

    def training_log(self, model: str) -> Path:
        """Training log of one model."""
        return self.run / f"training/{model}/training_log.parquet"

    def trained_modules(self, model: str) -> Path:
        """Modules one model's training changed."""
        return self.run / f"training/{model}/trained_modules.parquet"

    def checkpoints(self, model: str) -> Path:
        """Resumable states; never declared to Snakemake, which would delete them after a failure."""
        return self.run / f"training/{model}/checkpoints"

    # inference
    def predictions(self, system: str, arm: str) -> Path:
        """What one system wrote for the test split."""
        return self.run / f"inference/{system}/{arm}.parquet"

    def predictions_shard(self, system: str, arm: str, shard: int | str, shards: int) -> Path:
        """One shard of them, where several jobs share the work."""
        return self.run / f"inference/{system}/shards/{arm}-{_five(shard)}-of-{shards:05d}.parquet"

    # metrics
    def scores(self, system: str) -> Path:
        """Scores of one system, all arms."""
        return self.run / f"metrics/{system}/scores.parquet"

    def metric_signatures(self, system: str) -> Path:
        """What exactly was computed for one system."""
        return self.run / f"metrics/{system}/signatures.parquet"

    # benchmark
    @property
    def system_scores(self) -> Path:
        """The benchmark table."""
        return self.run / "benchmark/system_scores.parquet"

    @property
    def slice_scores(self) -> Path:
        """The benchmark table by parts of the test set."""
        return self.run / "benchmark/slice_scores.parquet"

    @property
    def variant_agreement(self) -> Path:
        """How far variants of a metric agree."""
        return self.run / "benchmark/variant_agreement.parquet"

    @property
    def caption_components(self) -> Path:
        """Which components of the references the captions name."""
        return self.run / "benchmark/caption_components.parquet"

    @property
    def comparisons(self) -> Path:
        """Paired tests."""
        return self.run / "benchmark/comparisons.parquet"

    @property
    def paper_comparison(self) -> Path:
        """Measured numbers beside printed ones."""
        return self.run / "benchmark/paper_comparison.parquet"

    # report
    @property
    def report(self) -> Path:
        """The page to open."""
        return self.run / "report/index.html"

    @property
    def config(self) -> Path:
        """The complete configuration that made the run."""
        return self.run / "config.yaml"


def _five(shard: int | str) -> str:
    """A shard number with five digits; a Snakemake wildcard is left as it is."""
    return f"{shard:05d}" if isinstance(shard, int) else shard


BASELINE = "random_caption"
"""Name of the baseline system."""
