"""What else is used to find reports of one story: headline words, near-duplicates, TF-IDF."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import numpy as np
from datasketch import MinHash
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.story_reports import Report, Similarity
from service.words import list_words

# The error of an estimated Jaccard index is about one over the root of this: 0.09.
_PERMUTATIONS = 128
_SHINGLE_WORDS = 3
_SAME_DAY = timedelta(hours=18)


def compare_headlines(reports: Sequence[Report]) -> Similarity:
    """Jaccard index of the words of two headlines."""
    words = [frozenset(list_words(report.title)) for report in reports]

    def compare(one: int, other: int) -> float:
        union = words[one] | words[other]
        return len(words[one] & words[other]) / len(union) if union else 0.0

    return compare


def compare_shingles(reports: Sequence[Report]) -> Similarity:
    """Jaccard index of the three-word shingles of two texts, estimated by MinHash."""
    hashes = [_hash_shingles(f"{report.title}\n{report.text}") for report in reports]
    return lambda one, other: float(hashes[one].jaccard(hashes[other]))


def compare_words(reports: Sequence[Report]) -> Similarity:
    """Cosine of two texts' words, weighed by TF-IDF over the whole set."""
    vectors = TfidfVectorizer(sublinear_tf=True).fit_transform(
        f"{report.title}\n{report.text}" for report in reports
    )
    cosines = (vectors @ vectors.T).toarray()
    return lambda one, other: float(cosines[one, other])


def compare_words_within_hours(reports: Sequence[Report]) -> Similarity:
    """As `compare_words`, of reports that came within 18 hours; later ones are not alike at all.

    18 hours are what the service's weights take for the next day.
    """
    compare = compare_words(reports)

    def compare_near(one: int, other: int) -> float:
        apart = abs(reports[one].published_at - reports[other].published_at)
        return compare(one, other) if apart <= _SAME_DAY else 0.0

    return compare_near


BASELINES: Mapping[str, Callable[[Sequence[Report]], Similarity]] = {
    "headline words (Jaccard)": compare_headlines,
    "near-duplicates (MinHash)": compare_shingles,
    "TF-IDF cosine": compare_words,
    "TF-IDF cosine within 18 hours": compare_words_within_hours,
}
# From "anything shared" to "all shared"; finer steps change no figure by more than 0.01.
BASELINE_THRESHOLDS = [float(each) for each in np.arange(0.02, 0.9, 0.02).round(2)]


def _hash_shingles(text: str) -> MinHash:
    words = list_words(text)
    later = [words[start:] for start in range(_SHINGLE_WORDS)]
    shingles = {" ".join(each) for each in zip(*later, strict=False)}
    minhash = MinHash(num_perm=_PERMUTATIONS)
    minhash.update_batch(sorted(each.encode() for each in shingles))
    return minhash
