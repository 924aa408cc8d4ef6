"""Drift, as shown to Prometheus: worked out when it is asked for."""

from prometheus_client import CollectorRegistry, Gauge, Histogram

from service.classifier import Labelling
from service.drift import DriftWindow
from service.model_file import Manifest

# Most articles are below 0.01 and what is on the beat above 0.99: finer at both ends.
_PROBABILITIES = (
    *(0.01, 0.02, 0.05),
    *(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    *(0.95, 0.98, 0.99, 1),
)


class DriftMetrics:
    """What the articles of this worker look like to the model, beside what it was trained for."""

    def __init__(self, registry: CollectorRegistry, manifest: Manifest) -> None:
        self._window = DriftWindow(manifest.drift)
        probabilities = Histogram(
            "beatwatch_label_probability",
            "Of each labelled article the probability of its best passage, by label.",
            ["label"],
            buckets=_PROBABILITIES,
            registry=registry,
        )
        thresholds = Gauge(
            "beatwatch_label_threshold",
            "The probability from which a label holds.",
            ["label"],
            registry=registry,
        )
        drift = Gauge(
            "beatwatch_probability_drift",
            "Population stability index of a label's probabilities in the last articles, against "
            "what the model's manifest expects; 0 until there are 200 of them.",
            ["label"],
            registry=registry,
        )
        unknown_words = Gauge(
            "beatwatch_unknown_words_ratio",
            "Share of the words of the last articles that the model does not know; 0 until there "
            "are 200 articles.",
            registry=registry,
        )
        expected = Gauge(
            "beatwatch_unknown_words_reference_ratio",
            "The same share as recorded at training, of texts that the model had not seen.",
            registry=registry,
        )
        articles = Gauge(
            "beatwatch_drift_articles",
            "How many of the last articles of this worker drift is worked out on, 1000 at most.",
            registry=registry,
        )
        # Looked up once, as every article is counted in each.
        self._probabilities = {
            label.name: probabilities.labels(label.name) for label in manifest.labels
        }
        for label in manifest.labels:
            thresholds.labels(label.name).set(label.threshold)
            drift.labels(label.name).set_function(
                lambda name=label.name: self._window.measure(name)  # type: ignore[misc]
            )
        unknown_words.set_function(lambda: self._window.unknown_words_ratio)
        expected.set(manifest.drift.unknown_words_ratio)
        articles.set_function(lambda: self._window.articles)

    def note(self, labelling: Labelling) -> None:
        """Note one labelled article."""
        for name, probability in labelling.probabilities.items():
            self._probabilities[name].observe(probability)
        self._window.note(labelling.probabilities, labelling.words, labelling.unknown_words)
