-- name: waits
-- A statement that waits for a lock of another connection to the same database, and that one's last.
SELECT waiting.query, holding.query
  FROM pg_catalog.pg_stat_activity waiting
 CROSS JOIN LATERAL unnest(pg_catalog.pg_blocking_pids(waiting.pid)) AS blocker
  JOIN pg_catalog.pg_stat_activity holding ON holding.pid = blocker
 WHERE waiting.datname = current_database() AND waiting.wait_event_type = 'Lock'
 LIMIT 1
