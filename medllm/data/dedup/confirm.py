"""Whether two texts are really nearly the same: what MinHash only makes likely."""

from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist

from medllm.data.dedup import minhash


def are_similar(
    texts: Sequence[str],
    pairs: np.ndarray,
    *,
    unit: str,
    shingle: int,
    jaccard: float,
    edit: float,
    workers: int,
) -> np.ndarray:
    """Which pairs are above both thresholds (Lee et al. 2022, appendix A).

    Args:
        texts: whatever `pairs` refers to.
        pairs: (P, 2) numbers of texts.
        unit: a key of `minhash.UNITS`.
        shingle: units in a shingle.
        jaccard: similarity of the sets of shingles, of which the pair must have more.
        edit: likewise 1 - (edits of characters) / (characters of the longer text).
        workers: threads that count edits.

    Returns:
        (P,) bool.
    """
    numbers, places = np.unique(pairs, return_inverse=True)
    held = [texts[int(number)] for number in numbers]
    sets = [minhash.shingle_set(text, unit=unit, size=shingle) for text in held]
    places = places.reshape(-1, 2)
    similar = np.array([minhash.jaccard(sets[a], sets[b]) > jaccard for a, b in places], dtype=bool)
    left, right = ([held[place] for place in side] for side in places[similar].T)
    similar[similar] = edit < cpdist(
        left,
        right,
        scorer=Levenshtein.normalized_similarity,
        score_cutoff=edit,
        dtype=np.float64,
        workers=workers,
    )
    return similar
