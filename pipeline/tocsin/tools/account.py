"""What became of the demo's story, as one JSON object, and whether it ended well."""

from collections.abc import Sequence
from typing import Any

from tocsin.core.records import State, Transition
from tocsin.ports import Version
from tocsin.tools.plan import Episode
from tocsin.tools.receiver import Receiver
from tocsin.tools.witness import Witness


def give_account(
    witness: Witness, faults: Sequence[Episode], receiver: Receiver, versions: Sequence[Version]
) -> dict[str, Any]:
    """Return what was seen from outside, as plain values.

    An alert belongs to a fault if it is about the same asset and began while the fault lasted.
    """
    alerts = [_describe(alert, faults) for alert in witness.alerts()]
    verified = {delivery.id for delivery in receiver.accepted if delivery.verified}
    return {
        "windows": witness.statuses.total(),
        "scores": witness.statuses["ok"],
        "statuses": dict(witness.statuses),
        "alerts": alerts,
        "false_alerts": sum(alert["fault_began_ns"] is None for alert in alerts),
        "webhooks": {"sent": len(receiver.deliveries), "verified": len(verified)},
        "models": [
            {
                "version": version.version,
                "verdict": "promoted" if version.verdict.promoted else "refused",
                "why": version.verdict.failing,
            }
            for version in versions
        ],
        "swaps": len(witness.models),
    }


def shortcomings(
    account: dict[str, Any], witness: Witness, faults: Sequence[Episode], receiver: Receiver
) -> list[str]:
    """Return what the story fell short of, in sentences; empty if it ended well.

    That the gate refused a refit is no shortcoming: that is what it is for.
    """
    found = []
    caught = [alert for alert in account["alerts"] if alert["fault_began_ns"] is not None]
    if len({alert["fault_began_ns"] for alert in caught}) < len(faults):
        found.append("the fault was not caught")
    if any(alert["resolved_ns"] is None for alert in caught):
        found.append("the alert was not resolved")
    said = [delivery.body for delivery in receiver.accepted if delivery.verified]
    for state in (State.OPEN, State.RESOLVED):
        steps = [s for s in witness.transitions.values() if s.state is state]
        fingerprint = b'"status":"firing"' if state is State.OPEN else b'"status":"resolved"'
        if steps and not any(fingerprint in body for body in said):
            found.append(f"no verified webhook told that the alert is {state}")
    refused = any(model["verdict"] == "refused" for model in account["models"])
    if len(witness.models) < 2 and not refused:
        found.append("no refit is scoring")
    return found


def _describe(alert: Transition, faults: Sequence[Episode]) -> dict[str, Any]:
    fault = next((fault for fault in faults if _belongs(alert, fault)), None)
    return {
        "id": alert.id,
        "asset": alert.asset,
        "rule": str(alert.rule),
        "severity": str(alert.severity),
        "began_ns": alert.began_ns,
        "opened_ns": alert.opened_ns,
        "resolved_ns": alert.resolved_ns,
        "fault_began_ns": fault and fault.start_ns,
        "delay_s": fault and (alert.opened_ns - fault.start_ns) / 1e9,
        "channels": [name for name, _ in alert.channels],
        "true_channels": list(fault.channels) if fault else [],
    }


def _belongs(alert: Transition, fault: Episode) -> bool:
    return alert.asset == fault.asset and fault.start_ns < alert.began_ns <= fault.end_ns
