"""The model card: what the model is, how good, and what it cannot do; written by training."""

from service.evaluation import ModelEvaluation
from service.model_file import MODEL_FILE, Manifest
from service.seeds import Seeds


def write_card(evaluation: ModelEvaluation, manifest: Manifest, seeds: Seeds, size: int) -> str:
    """Write the card in Markdown; `size` is the model file's, in bytes."""
    rows = "\n".join(
        f"| `{name}` | {label.title} | {passages.support} | {passages.precision} | "
        f"{passages.recall} | {passages.f1} |"
        for (name, label), passages in zip(
            seeds.labels.items(), evaluation.passages.values(), strict=True
        )
    )
    positives = sum(bool(text.labels) for text in seeds.texts)
    return f"""# Model card

Written by `make train`; do not edit.

| | |
|---|---|
| version | {manifest.version} |
| file | `{MODEL_FILE}`, {size / 1000:.0f} kB, SHA-256 `{manifest.sha256}` |
| trained with | scikit-learn {manifest.sklearn} |
| seeds | {len(seeds.articles)} articles; {len(seeds.texts)} texts, {positives} with a label |
| threshold | {evaluation.threshold} for every label |

**What it does.** Tells for each passage of a news article which of the watched labels it has. The
article has a label when one of its passages has it.

**How.** TF-IDF of words and word pairs, beside the names and spellings of `seeds/labels.toml`;
one logistic regression a label. The classes are weighted, so its probabilities rank well and are
not yet calibrated.

## How good it is

Each seed judged by a model that was trained without it (leave one seed out, the background dealt
over the folds). Of {evaluation.article_decisions} article decisions (seeds x labels)
{evaluation.article_decisions_right} are right. The threshold was chosen on these same passages, so
the figures flatter a little; with so few of them each is rough.

| label | title | passages | precision | recall | F1 |
|---|---|---|---|---|---|
{rows}

## Limits

Trained on {len(seeds.articles)} articles of one beat in English and hand-written background. It
finds stories told in the words of its seeds; expect it to miss others, and other languages.
"""
