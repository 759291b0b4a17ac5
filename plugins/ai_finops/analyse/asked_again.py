"""Who asked the same again within minutes, in other words or the same ones: most often because the answer did not help."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import numpy.typing as npt


def asked_again(
    askers: Sequence[Hashable | None],
    keys: npt.NDArray[np.int64],
    vector_of: Callable[[int], npt.NDArray[np.float32] | None],
    spaces: Sequence[Hashable | None],
    asked_at: npt.NDArray[np.int64],
    *,
    window: int,
    similarity: float,
) -> list[bool | None]:
    """Tell for each query whether its asker asked an earlier one within the window that is the same or alike.

    Args:
        askers: Who asked what, such as a user in a feature; None where that is not known.
        keys: One number for each distinct text.
        vector_of: Gives the vector of a query by its place, of length 1; None for one without, which only its own text is
            like.
        spaces: Of the vectors; those of two spaces are not held against each other.
        asked_at: Ascending, in any unit.
        window: In the same unit; an earlier query exactly so long ago is within it.
        similarity: Cosine from which queries are alike.
    Returns:
        None where the asker is not known.
    """
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, asker in enumerate(askers):
        if asker is not None:
            places[asker].append(place)
    found: list[bool | None] = [None] * len(askers)
    for of_asker in places.values():
        for position, place in enumerate(of_asker):
            found[place] = False
            for earlier in reversed(of_asker[:position]):
                if asked_at[place] - asked_at[earlier] > window:
                    break
                is_one_space = spaces[place] == spaces[earlier]
                if keys[place] == keys[earlier] or (
                    is_one_space and _is_alike(vector_of(place), vector_of(earlier), similarity)
                ):
                    found[place] = True
                    break
    return found


def _is_alike(one: npt.NDArray[np.float32] | None, other: npt.NDArray[np.float32] | None, similarity: float) -> bool:
    if one is None or other is None or len(one) != len(other):
        return False
    return float(one.astype(np.float64) @ other.astype(np.float64)) >= similarity
