-- As if by chance, but always the same. A user's connection has the user's id. The syncs of a
-- meeting are a month apart, so they lie far from each other.

CREATE FUNCTION pg_temp.owner_of(meeting bigint) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN
  CASE WHEN meeting * %(owned)s / %(meetings)s > (meeting - 1) * %(owned)s / %(meetings)s
    THEN %(owner)s ELSE 2 + mod(meeting, %(users)s - 1) END;

CREATE FUNCTION pg_temp.provider_of(userid bigint) RETURNS text LANGUAGE sql IMMUTABLE RETURN
  CASE WHEN mod(userid, 1000) = 50 THEN 'bottlecrm'
    ELSE (ARRAY['sandbox', 'hubspot', 'salesforce'])[1 + mod(userid, 3)] END;

CREATE FUNCTION pg_temp.needs_reauth(userid bigint) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN
  mod(userid, 100) = 3;

CREATE FUNCTION pg_temp.was_synced(meeting bigint) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN
  mod(meeting, 100) <> 7;

CREATE FUNCTION pg_temp.status_of(meeting bigint, turn bigint) RETURNS text LANGUAGE sql IMMUTABLE
RETURN (array_fill('succeeded'::text, ARRAY[97]) || ARRAY['failed', 'failed', 'canceled'])[
  1 + mod(((3 * meeting + turn) * 2654435761 & 4294967295) >> 8, 100)];

-- A canceled sync leaves what was before.
CREATE FUNCTION pg_temp.success(meeting bigint, turn bigint) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN CASE pg_temp.status_of(meeting, turn) WHEN 'succeeded' THEN true WHEN 'failed' THEN false END;

CREATE FUNCTION pg_temp.code_of(meeting bigint) RETURNS text LANGUAGE sql IMMUTABLE RETURN
  CASE WHEN mod(meeting, 2) = 1 THEN 'record_rejected'
    ELSE (%(codes)s::text[])[1 + mod(meeting, cardinality(%(codes)s::text[]))] END;

INSERT INTO accounts_user
  (id, email, password, is_active, is_staff, is_superuser, date_joined)
SELECT n, 'person-' || n || '@customers.example', '!', true, false, false, %(now)s
FROM generate_series(1, %(users)s) n;

INSERT INTO crmsync_connection
  (id, user_id, provider, account_id, account_name, credentials, state, last_error, connected_at)
SELECT n, n, pg_temp.provider_of(n), n, 'Acme', '',
  CASE WHEN pg_temp.needs_reauth(n) THEN 'needs_reauth' ELSE 'connected' END,
  CASE WHEN pg_temp.needs_reauth(n) THEN 'connection_expired' ELSE '' END,
  %(now)s - interval '90 days'
FROM generate_series(1, %(users)s) n;

INSERT INTO meetings_meeting
  (id, user_id, key, title, starts_at, ends_at, location, notes, last_sync_success, version,
  created_at, updated_at)
SELECT n, pg_temp.owner_of(n), ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
  CASE WHEN n <= 40 THEN %(rare)s
    ELSE (ARRAY['Weekly call', 'Kick-off', 'Demo', 'Renewal', 'Lunch'])[1 + mod(n, 5)] END
    || ' ' || n,
  '2026-03-02 09:00Z', '2026-03-02 10:00Z', 'Room 7',
  'They want forty seats from March on, and an offer by Friday.',
  CASE WHEN pg_temp.was_synced(n) THEN
    coalesce(pg_temp.success(n, 2), pg_temp.success(n, 1), pg_temp.success(n, 0)) END,
  1, '2026-01-02 09:00Z', '2026-01-02 09:00Z'
FROM generate_series(1, %(meetings)s) n;

INSERT INTO meetings_attendee (id, meeting_id, email, name)
SELECT n, n, 'guest-' || n || '@guests.example', 'Guest ' || n
FROM generate_series(1, %(meetings)s) n;

-- 200 are under way; every tenth of them is of somebody whose connection needs them.
INSERT INTO crmsync_syncrun
  (id, meeting_id, connection_id, provider, status, step, attempt, failures, due_at, wait_reason,
  error_code, error_cause, error_field, error_detail, reference, reason, created_at, started_at,
  step_started_at, finished_at, counted)
SELECT id, meeting, pg_temp.owner_of(meeting), pg_temp.provider_of(pg_temp.owner_of(meeting)),
  status, CASE status WHEN 'succeeded' THEN 3 ELSE 1 END, 1, 0,
  began + interval '1 hour' * CASE WHEN ended THEN 0 WHEN status <> 'running' AND mod(id, 3) = 0
    THEN -1 ELSE 1 END,
  '', CASE status WHEN 'failed' THEN pg_temp.code_of(meeting) WHEN 'retrying' THEN 'crm_timeout'
    ELSE '' END, '', '', '',
  -- A multiple of another number modulo a prime repeats none for long.
  'SY-' || lpad(mod(id * 7654321, 9999991)::text, 7, '0'), '', began, began, began,
  CASE WHEN ended THEN began + interval '3 seconds' END, ended
FROM (
  SELECT n::bigint, meeting, pg_temp.status_of(meeting, (n - 1) / %(meetings)s),
    %(now)s - interval '90 days' * (1 - n / (3.0 * %(meetings)s)), true
  FROM generate_series(1, 3 * %(meetings)s) n,
    LATERAL (SELECT 1 + mod(n - 1, %(meetings)s)) AS a(meeting)
  WHERE pg_temp.was_synced(meeting)
  UNION ALL
  (SELECT DISTINCT ON (meeting) 3 * %(meetings)s + n, meeting, CASE WHEN mod(n, 10) = 0 THEN 'queued'
    ELSE (ARRAY['queued', 'retrying', 'running'])[1 + mod(n, 3)] END, %(now)s, false
  FROM generate_series(1, 200) n,
    LATERAL (SELECT id FROM meetings_meeting
      WHERE id > (n - 1) * greatest(1, %(meetings)s / 200)
        AND (mod(n, 10) > 0 OR pg_temp.needs_reauth(user_id))
      ORDER BY id LIMIT 1) AS a(meeting)
  ORDER BY meeting, n)
) AS syncs(id, meeting, status, began, ended);

UPDATE meetings_meeting SET in_progress_sync_status = 1
WHERE id IN (SELECT meeting_id FROM crmsync_syncrun WHERE status = 'running');

INSERT INTO crmsync_syncattempt
  (id, run_id, claim, step, number, started_at, finished_at, outcome, error_code, correlation_id,
  internal_message, outcome_unknown)
SELECT row_number() OVER (ORDER BY id), id, 1, 1, 1, started_at, finished_at,
  CASE status WHEN 'failed' THEN 'failed' ELSE '' END, error_code, '', '', false
FROM crmsync_syncrun WHERE status IN ('failed', 'running');
