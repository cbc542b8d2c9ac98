"""One request for each meeting, so that what a server keeps is there when the clock starts."""

from collections.abc import Sequence
from contextlib import closing

from benchmarks.polls.candidates import Candidate
from benchmarks.polls.poll import Poll
from benchmarks.polls.rows import Polled
from benchmarks.polls.threads import connect, send


def prime(url: str, candidate: Candidate, polled: Sequence[Polled]) -> list[Poll]:
    """The polls to measure, each answered once by now."""
    polls = [candidate.poll_of(it) for it in polled]
    with closing(connect(url)) as connection:
        etags = [send(connection, poll) for poll in polls]
    if not candidate.conditional:
        return polls
    return [poll.unless_changed(etag) for poll, etag in zip(polls, etags, strict=True)]
