-- name: defaults
-- The planner's settings, as in the catalog a fixture is compared by, that the server, the database
-- or the role gives a value of its own. What is set for this database only does no harm.
SELECT name, boot_val
FROM pg_catalog.pg_settings
WHERE (category LIKE 'Query Tuning%'
       OR name IN ('work_mem', 'hash_mem_multiplier', 'max_parallel_workers_per_gather',
                   'max_parallel_workers', 'parallel_leader_participation',
                   'temp_buffers', 'effective_io_concurrency'))
  AND (setting IS DISTINCT FROM boot_val OR source <> 'default')
ORDER BY name
