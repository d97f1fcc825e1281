"""How well a score ranks abnormal rows above normal ones, whatever the limit: row by row."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, roc_auc_score

from tocsin_models.arrays import Flags, Indices
from tocsin_models.metrics.rows import as_flags, as_scores, check_lengths


def auc_pr(label: ArrayLike, score: ArrayLike) -> float:
    """Return the area under the precision-recall curve of rows: average precision.

    NaN where rows are all normal or all abnormal: there is nothing to be told apart. A score that
    knows nothing gets about the share of abnormal rows, and a constant one exactly that.

    Args:
        label: Whether each row is abnormal, ``[n]``.
        score: High means abnormal, ``[n]``; NaN ranks lowest.

    Raises:
        ValueError: If they have not as many rows.
    """
    labels, ranks = _ranked(label, score)
    if labels.all() or not labels.any():
        return float("nan")
    return float(average_precision_score(labels, ranks))


def auc_roc(label: ArrayLike, score: ArrayLike) -> float:
    """Return the share of pairs of an abnormal and a normal row that the score puts in order.

    Ties count half. Arguments, NaN and errors as in ``auc_pr``; knowing nothing gets 0.5.
    """
    labels, ranks = _ranked(label, score)
    if labels.all() or not labels.any():
        return float("nan")
    return float(roc_auc_score(labels, ranks))


def _ranked(label: ArrayLike, score: ArrayLike) -> tuple[Flags, Indices]:
    """Return labels and, for infinities too, each score's place among the distinct ones."""
    labels, scores = as_flags("label", label), as_scores(score)
    check_lengths(label=labels, score=scores)
    return labels, np.unique(scores, return_inverse=True)[1].astype(np.int64)
