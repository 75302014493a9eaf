-- name: facts
SELECT pg_is_in_recovery(),
       (SELECT count(*)::int FROM pg_catalog.pg_stat_replication),
       r.rolsuper, r.rolcreatedb, r.rolname::text
FROM pg_catalog.pg_roles r
WHERE r.rolname = current_user

-- name: living
SELECT application_name FROM pg_catalog.pg_stat_activity WHERE application_name ~ %s
