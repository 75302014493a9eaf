-- name: clock
-- The planner's clock: what now(), CURRENT_DATE and LOCALTIMESTAMP become in planned statements.
-- In PL/pgSQL, since a function in SQL would be inlined into a constant, and partitions pruned
-- while planning that production prunes while executing. Parallel-safe, cost 1: as now() is.
CREATE SCHEMA planguard;
CREATE FUNCTION planguard.now() RETURNS timestamptz
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1
  AS $body$BEGIN RETURN {clock}::timestamptz; END$body$;
CREATE FUNCTION planguard.today() RETURNS date
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1
  AS $body$BEGIN RETURN {clock}::timestamptz::date; END$body$;
CREATE FUNCTION planguard.local_now() RETURNS timestamp
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1
  AS $body$BEGIN RETURN {clock}::timestamptz::timestamp; END$body$;
GRANT USAGE ON SCHEMA planguard TO public;

-- name: unvacuumed
-- On a server that is not ours autovacuum may run: it would cut the files back.
SELECT format('ALTER %s %I.%I SET (autovacuum_enabled = false)',
              CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
              n.nspname, c.relname)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY 1

-- name: granted
-- Where policies hold, plans are made under the application's role, which EXPLAIN asks for rights.
SELECT format('GRANT USAGE ON SCHEMA %I TO public', n.nspname)
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')
UNION ALL
SELECT format('GRANT ALL ON TABLE %I.%I TO public', n.nspname, c.relname)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')
