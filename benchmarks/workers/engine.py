"""What is measured side by side: something that performs syncs of three steps each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Engine:
    """`count_in_flight` says how many steps wait for the CRM, where somebody keeps account."""

    name: str
    command: str
    submit: Callable[[int], None]
    count_steps: Callable[[], int]
    processes: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[], bool] = lambda: True
    count_in_flight: Callable[[], int] | None = None
    check: Callable[[int], None] = lambda count: None

    @property
    def commands(self) -> Mapping[str, str]:
        workers = {f"worker-{number}": self.command for number in range(self.processes)}
        return {**workers, **self.beside}
