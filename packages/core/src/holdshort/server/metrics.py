"""Prometheus metrics, read off the engine when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from holdshort.engine.engine import Engine


def exposition(engine: Engine, counts: Mapping[str, int]) -> str:
    """Return the metrics in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(engine, counts))
    return generate_latest(registry).decode()


class _Collector(Collector):
    def __init__(self, engine: Engine, counts: Mapping[str, int]) -> None:
        self._engine = engine
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        yield from self._stored()
        writer = self._engine.writer
        yield CounterMetricFamily(
            "holdshort_commits", "transactions committed", value=writer.commits
        )
        yield CounterMetricFamily("holdshort_commands", "commands committed", value=writer.items)
        yield CounterMetricFamily(
            "holdshort_commit_seconds", "seconds spent in transactions", value=writer.commit_seconds
        )
        yield self._coalesced()
        yield GaugeMetricFamily(
            "holdshort_waiters", "clients waiting here for a decision", value=len(self._engine.wake)
        )
        yield GaugeMetricFamily(
            "holdshort_database_up", "1 while writes succeed", value=int(writer.down_since is None)
        )

    def _coalesced(self) -> Metric:
        family = CounterMetricFamily(
            "holdshort_coalesced",
            "requests that came so fast that people were told of them together",
            labels=["agent"],
        )
        for agent, count in sorted(self._engine.coalesced.items()):
            family.add_metric([agent], count)
        return family

    def _stored(self) -> Iterator[Metric]:
        for name, label in (("intents", "status"), ("deliveries", "state")):
            family = GaugeMetricFamily(f"holdshort_{name}", f"{name} stored", labels=[label])
            for key, count in sorted(self._counts.items()):
                group, _, value = key.partition(".")
                if group == name:
                    family.add_metric([value], count)
            yield family
