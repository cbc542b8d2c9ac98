import random

import pytest

from crmsync.engine.retry_policy import MAX_WAIT, GiveUp, Hold, Retry, Wait, decide, next_delay
from crmsync.errors import CATALOGUE, CrmError, Handling

DELAYS = [10, 30, 120, 480, 1200]


def decision(code, failures=0, previous="", **values):
    return decide(CrmError(code, **values), failures, DELAYS, random.Random(1), previous)


@pytest.mark.parametrize("failures", range(5))
def test_backs_off_with_a_fifth_of_jitter(failures):
    for seed in range(50):
        delay = next_delay(failures, DELAYS, random.Random(seed))
        assert 0.8 * DELAYS[failures] <= delay <= 1.2 * DELAYS[failures]


def test_spreads_retries_that_failed_together():
    assert len({next_delay(0, DELAYS, random.Random(seed)) for seed in range(50)}) == 50


def test_never_comes_back_before_the_crm_asked_for():
    assert next_delay(0, DELAYS, random.Random(1), retry_after=500) == 500


def test_caps_an_absurd_wish():
    assert decision("crm_rate_limited", retry_after=10**9) == Wait(MAX_WAIT)
    assert next_delay(0, DELAYS, random.Random(1), retry_after=10**9) == MAX_WAIT


def test_tries_six_times_in_all():
    assert isinstance(decision("crm_unavailable", failures=4), Retry)
    assert decision("crm_unavailable", failures=5) == GiveUp("attempts_exhausted")


def test_tries_only_once_without_delays():
    error = CrmError("crm_unavailable")
    assert decide(error, 0, [], random.Random()) == GiveUp("attempts_exhausted")


def test_tries_a_bug_three_times_and_keeps_its_name():
    assert isinstance(decision("unexpected_error", failures=1), Retry)
    assert decision("unexpected_error", failures=2) == GiveUp("unexpected_error")


def test_writes_a_deleted_record_once_more():
    assert isinstance(decision("record_deleted"), Retry)
    assert decision("record_deleted", previous="record_deleted", failures=1) == GiveUp(
        "attempts_exhausted"
    )


def test_writes_it_once_more_also_after_other_failures():
    assert isinstance(decision("record_deleted", failures=4, previous="crm_timeout"), Retry)


def test_takes_a_moment_that_has_passed_for_now():
    assert 1 <= decision("crm_rate_limited", retry_after=0).seconds <= 1.1
    assert decision("crm_rate_limited").seconds >= 60


def test_waits_for_a_rate_limit_however_often():
    assert 7 <= decision("crm_rate_limited", failures=99, retry_after=7).seconds <= 7.7
    assert 3600 <= decision("crm_daily_quota_used").seconds <= 3960


@pytest.mark.parametrize("code", ["connection_expired", "permission_missing", "crm_user_inactive"])
def test_holds_what_needs_a_person(code):
    assert decision(code) == Hold()


@pytest.mark.parametrize("code", ["record_rejected", "field_missing"])
def test_gives_up_on_data_that_the_crm_refuses(code):
    assert decision(code) == GiveUp(code)


@pytest.mark.parametrize("code", CATALOGUE)
def test_knows_what_to_do_about_every_code(code):
    kinds = {
        Handling.RETRY: (Retry,),
        Handling.WAIT: (Wait,),
        Handling.HOLD: (Hold,),
        Handling.GIVE_UP: (GiveUp,),
    }
    assert isinstance(decision(code), kinds[CATALOGUE[code].handling])


def test_an_address_that_stays_wrong_is_told_as_such():
    """Its owner alone can mend it, so it is not the last of several tries that went wrong."""
    decided = decide(CrmError("wrong_address"), 5, DELAYS, random.Random(1))
    assert decided == GiveUp("wrong_address")
