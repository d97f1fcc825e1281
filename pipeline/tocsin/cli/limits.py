"""How a model's limit was found, for programs and for people."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocsin_models.calibration import Calibration


def limit_facts(calibration: "Calibration") -> dict[str, Any]:
    """Return the limit in nats, how it was found, and why so."""
    return {
        "limit": calibration.limit,
        "limit_method": calibration.method.value,
        "limit_reason": calibration.reason,
    }


def for_people(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``facts`` in their order, with the limit, its method and its reason in one line."""
    told = dict(facts)
    method, reason = told.pop("limit_method"), told.pop("limit_reason")
    return {**told, "limit": f"{told['limit']:.4g}, {method}: {reason}"}
