"""How CloudWatch judges an alarm, as far as the deployment's alarms go: metrics, their math, missing data.

A band of what is usual is emulated by mean and standard deviation of all values but the newest one. CloudWatch learns a
model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev
from typing import Any

Series = Sequence[float | None]
"""One value for each period, the newest last; None where nothing was sent."""

_COMPARISONS = {
    "LessThanThreshold": lambda value, low, high: value < low,
    "GreaterThanThreshold": lambda value, low, high: value > high,
    "LessThanLowerOrGreaterThanUpperThreshold": lambda value, low, high: not low <= value <= high,
}


def state(alarm: Mapping[str, Any], metrics: Mapping[str, Series]) -> str:
    """The state of an alarm, OK before.

    Args:
        alarm: properties in the template.
        metrics: series by the name of the metric, or by name and last dimension, such as `RejectedShare bookings`.
    """
    values: dict[str, Series] = {}
    band: tuple[float, float] | None = None
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            values[query["Id"]] = _series(query["MetricStat"]["Metric"], metrics)
        elif found := re.fullmatch(r"ANOMALY_DETECTION_BAND\((\w+), (\d+)\)", query["Expression"]):
            past = [value for value in values[found[1]][:-1] if value is not None]
            width = int(found[2]) * pstdev(past)
            band = fmean(past) - width, fmean(past) + width
        else:
            values[query["Id"]] = _computed(query["Expression"], values)
    (watched,) = [query["Id"] for query in alarm["Metrics"] if query["ReturnData"] and query["Id"] in values]
    low, high = band or (alarm["Threshold"], alarm["Threshold"])
    return _judged(alarm, list(values[watched])[-alarm["EvaluationPeriods"] :], low, high)


def _judged(alarm: Mapping[str, Any], window: Series, low: float, high: float) -> str:
    breaks = _COMPARISONS[alarm["ComparisonOperator"]]
    missing = alarm["TreatMissingData"]
    verdicts = [breaks(value, low, high) if value is not None else missing == "breaching" for value in window]
    if missing == "ignore" and all(value is None for value in window):
        return "OK"
    return "ALARM" if sum(verdicts) >= alarm["DatapointsToAlarm"] else "OK"


def _series(metric: Mapping[str, Any], metrics: Mapping[str, Series]) -> Series:
    last = metric.get("Dimensions", [{"Value": ""}])[-1]["Value"]
    length = max(map(len, metrics.values()))
    return metrics.get(f"{metric['MetricName']} {last}", metrics.get(metric["MetricName"], [None] * length))


def _computed(expression: str, values: Mapping[str, Series]) -> Series:
    length = max(map(len, values.values()))
    return [_at(expression, {name: series[place] for name, series in values.items()}) for place in range(length)]


def _at(expression: str, values: Mapping[str, float | None]) -> float | None:
    if found := re.fullmatch(r"MAX\(\[(.*)\]\)", expression):
        known = [value for name in found[1].split(", ") if (value := values[name]) is not None]
        return max(known, default=None)
    if found := re.fullmatch(r"\((.*)\) / (\d+)", expression):
        terms = [re.fullmatch(r"FILL\((\w+), 0\) \* (\d+)", term) for term in found[1].split(" + ")]
        return sum((values[term[1]] or 0) * int(term[2]) for term in terms if term) / int(found[2])
    raise NotImplementedError(f"CloudWatch's {expression} is not emulated here.")
