"""The logs of one data directory: locked, loaded, recovered, kept in order, closed clean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from odradek.aio.storage import Storage
from odradek.base.clock import Clock
from odradek.base.prng import Prng
from odradek.log.config import LogConfig
from odradek.log.log import Log
from odradek.log.results import RecoveryReport


@dataclass(frozen=True, slots=True)
class ManagerSettings:
    """Broker configurations that concern logs; times in milliseconds."""

    recovery_concurrency: int = 4
    retention_check_interval_ms: int = 5 * 60_000
    flush_scheduler_interval_ms: int = 1000
    recovery_point_checkpoint_interval_ms: int = 60_000
    log_start_checkpoint_interval_ms: int = 60_000
    producer_id_expiration_ms: int = 86_400_000
    producer_id_expiration_check_interval_ms: int = 600_000
    max_open_segments: int = 4096


class LogManager:
    """Lifecycle: construct, `await start()`, `open_or_create`/`delete`..., `await close()`."""

    directory_id: bytes
    logs: dict[tuple[str, int], Log]

    def __init__(
        self,
        storage: Storage,
        directory: str,
        *,
        clock: Clock,
        prng: Prng,
        node_id: int,
        cluster_id: str | None = None,
        settings: ManagerSettings | None = None,
        config_for: Callable[[str], LogConfig] | None = None,
        on_directory_failure: Callable[[str], None] | None = None,
    ) -> None:
        raise NotImplementedError

    async def start(self) -> list[RecoveryReport]:
        """Lock the directory, check or write meta.properties, load every partition found there. Raises LockedError,
        InconsistentDirectory, OSError."""
        raise NotImplementedError

    @property
    def cluster_id(self) -> str:
        """From meta.properties, after `start()`."""
        raise NotImplementedError

    @property
    def clean(self) -> bool:
        """Whether the directory was closed clean before this start."""
        raise NotImplementedError

    async def open_or_create(self, topic: str, partition: int, topic_id: bytes, config: LogConfig) -> Log:
        raise NotImplementedError

    async def delete(self, topic: str, partition: int) -> None:
        """The partition is gone at once; its directory is renamed and removed after file.delete.delay.ms."""
        raise NotImplementedError

    async def run_retention(self) -> int:
        raise NotImplementedError

    async def checkpoint(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        """Flush everything, write checkpoints and the clean mark, give back the lock."""
        raise NotImplementedError
