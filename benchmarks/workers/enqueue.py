"""Whether sending ten times as many hints takes more memory."""

from benchmarks import peak_memory
from benchmarks.results import Goal, print_table
from benchmarks.services import Services

FEW, MANY = 10_000, 100_000
LIMIT = 1.1


def run(services: Services) -> list[Goal]:
    figures = {}
    for count in (FEW, MANY):
        services.redis().flushall()
        figures[count] = peak_memory.run("send_hints", str(count))
    rows = [(f"{count:,}", *figures[count]) for count in figures]
    print_table("Hints sent by one process", ("peak MB", "seconds"), rows)
    ratio = figures[MANY][0] / figures[FEW][0]
    return [Goal(f"peak of memory, {MANY:,} hints ÷ {FEW:,}", ratio, LIMIT)]
