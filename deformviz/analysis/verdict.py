"""The study of one answer in words, every word of it computed."""

from math import isfinite

from deformviz.analysis.attribution_records import (
    COMPLETE,
    HEAVIEST,
    METHODS,
    QUANTITIES,
    Faithfulness,
    Study,
)

# Lower bounds of a rank correlation, and what it is called from there on.
AGREEMENT_WORDS = (
    (0.8, "agree closely"),
    (0.5, "agree roughly"),
    (0.2, "agree a little"),
    (-0.2, "have nothing to do with each other"),
    (-1.0, "contradict each other"),
)
TELLING = 0.1  # share of the way from chance to the best order that counts as better


def verdict(study: Study, layer: str, name: str) -> tuple[str, ...]:
    """Four sentences on one layer: the heaviest points, agreement, deletion, and how sure it is.

    Args:
        name: what is explained, in words, e.g. "the score of the cat".
    """
    sentences = (
        heaviest_sentence(study, layer, name),
        agreement_sentence(study, layer),
        deletion_sentence(study.curves[layer]),
        completeness_sentence(study, layer),
    )
    return tuple(sentence for sentence in sentences if sentence)


def heaviest_sentence(study: Study, layer: str, name: str) -> str:
    """How much of the answer the heaviest points carry."""
    points, without = study.curves[layer].points, study.without_heaviest[layer]
    lost, most = study.score - without, study.score - study.without_any[layer]
    few = min(HEAVIEST, points)
    told = (
        f"Without its {few} heaviest of {points:,} points, {layer} would move {name} from "
        f"{study.score:.3f} to {without:.3f}"
    )
    if study.target.is_share:
        told += (
            f": they carry {percent(lost / study.score)} of it"
            if lost > 0
            else ": it does not need them"
        )
    if abs(most) < 1e-3:
        return f"{told}. All points of the layer together move it by only {abs(most):.4f}."
    return f"{told}; all {points:,} points together move it to {study.without_any[layer]:.3f}."


def agreement_sentence(study: Study, layer: str) -> str:
    """How far weights and attributions rank the points alike."""
    found = next(
        row.agreement
        for row in study.rows
        if (row.layer, row.quantity, row.method) == (layer, QUANTITIES[0], METHODS[0])
    )
    if not isfinite(found):
        return "All points weigh or are worth the same, so there is no order to compare."
    words = next(words for bound, words in AGREEMENT_WORDS if found >= bound)
    return (
        f"Within each head, weights and attributions {words} on which points matter (rank "
        f"correlation {found:.2f})."
    )


def deletion_sentence(found: Faithfulness) -> str:
    """What deleting points by weight, by attribution and at random says."""
    areas = {order: found.area("deletion", order) for order in ("weight", "attribution", "random")}
    numbers = (
        f"mean score while deleting: {areas['attribution']:.3f} by attribution, "
        f"{areas['weight']:.3f} by weight, {areas['random']:.3f} at random"
    )
    reach = areas["random"] - areas["attribution"]
    if reach <= 1e-4:
        return f"Deletion finds no order better than chance ({numbers})."
    share = (areas["random"] - areas["weight"]) / reach
    if share >= 1 - TELLING:
        says = "The heavy points are the ones that matter"
    elif share > TELLING:
        says = f"Weight finds what matters {percent(share)} as well as attribution does"
    elif share >= -TELLING:
        says = "Deleting the heavy points does no more harm than deleting points at random"
    else:
        says = "Deleting the heavy points does less harm than deleting points at random"
    return f"{says} ({numbers})."


def completeness_sentence(study: Study, layer: str) -> str:
    """Whether the attributions add up, said where they do not."""
    wrong = {
        quantity: study.attributions[layer, quantity, METHODS[0]].completeness_error
        for quantity in QUANTITIES
        if (layer, quantity, METHODS[0]) in study.attributions
    }
    poor = {quantity: error for quantity, error in wrong.items() if error > COMPLETE}
    if poor:
        listed = ", ".join(f"{quantity} by {percent(error)}" for quantity, error in poor.items())
        return f"Read with care: integrated gradients miss the score difference of {listed}."
    return (
        f"Whether {' or '.join(wrong)} get the credit, integrated gradients miss at most "
        f"{percent(max(wrong.values()))} of the score difference (largest completeness error)."
    )


def percent(share: float) -> str:
    """A share for people, with a decimal only below ten: "0.2 %", "12 %"."""
    if not isfinite(share):
        return "an unknown share"
    return f"{100 * share:.1f} %" if abs(share) < 0.0995 else f"{100 * share:.0f} %"
