"""A probe's direction as a vector file: what to add to an activation to raise its prediction."""

import datetime
from collections.abc import Callable, Sequence

import numpy as np
import torch

from steering_server.capture.folder import ActivationsFolder
from steering_server.extraction.extract import items_hash
from steering_server.probing.folds import Folds
from steering_server.probing.ridge import Array, Indices, fit
from steering_server.probing.table import Place
from steering_server.vectors.vectors import Origin, serialize

__all__ = ["probe_vector"]


def probe_vector(
    folder: ActivationsFolder,
    used: Sequence[int],
    values: Array,
    weights: Array,
    folds: Folds,
    places: Sequence[Place],
    *,
    matrix: Callable[[Place], Array],
    note: str,
) -> tuple[bytes, Place]:
    """The bytes of the file, and the best place, by the error over `folds`.

    One span and selector (those of the best place), every layer captured; at each layer the slopes
    of a ridge regression of `values` over all `used` items, at the penalty that the folds choose.
    """
    groups: list[Indices] = [folds.test(fold) for fold in range(folds.count)]
    fits = {place: fit(matrix(place), values[:, None], weights, groups) for place in places}
    best = min(places, key=lambda place: float(fits[place].error[0]))
    directions = {
        place.layer: torch.from_numpy(np.ascontiguousarray(found.slopes[:, 0]))
        for place, found in fits.items()
        if (place.span, place.selector) == (best.span, best.selector)
    }
    plan = folder.plan
    origin = Origin(
        model=plan.model,
        weights=plan.weights,
        template=plan.template,
        method="probe",
        selector=best.selector,
        span=best.span,
        default_layer=best.layer,
        items=items_hash([folder.items[index].item() for index in used]),
        count=len(used),
        dtype=plan.dtype,
        created=datetime.date.today().isoformat(),
        note=note,
    )
    norms = {
        kind: {layer: by_layer[layer] for layer in directions}
        for kind, by_layer in folder.norms.items()
    }
    return serialize(directions, norms, origin), best
