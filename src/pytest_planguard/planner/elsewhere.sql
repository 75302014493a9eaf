-- name: size
-- The file's size, which the planner believes, and what it scales by it. No table is read.
SELECT c.reltuples::float8::text, c.relpages::text,
       (pg_relation_size(c.oid) / current_setting('block_size')::int)::text,
       (c.relkind IN ('r', 'p') AND row_security_active(c.oid))::text,
       to_char(greatest(s.last_analyze, s.last_autoanalyze) AT TIME ZONE 'UTC',
               'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
       c.relallvisible::text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid
WHERE n.nspname = {schema} AND c.relname = {name}

-- name: settings
-- All the planner looks at, whether or not it is the default.
SELECT name, current_setting(name)
FROM pg_catalog.pg_settings
WHERE category LIKE 'Query Tuning%' AND name <> 'plan_cache_mode'
   OR name IN ('work_mem', 'hash_mem_multiplier', 'max_parallel_workers_per_gather',
               'parallel_leader_participation')
ORDER BY name

-- name: reading
-- What literals of dates and intervals are read by.
SELECT name, current_setting(name) FROM pg_catalog.pg_settings
WHERE name IN ('TimeZone', 'DateStyle', 'IntervalStyle')
ORDER BY name
