-- name: inside
-- What the connected backend has done so far, as the text of one JSON value: asked before and after
-- a statement, within its transaction. Counters of the transaction are those not yet reported.
SELECT pg_catalog.json_build_object(
  'relations', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
             c.oid::int8, n.nspname || '.' || c.relname, c.relkind,
             coalesce(pg_catalog.pg_relation_filenode(c.oid), 0)::int8, c.reltablespace::int8,
             coalesce(i.indrelid, 0)::int8, coalesce(h.inhparent, 0)::int8,
             pg_catalog.pg_stat_get_xact_numscans(c.oid),
             pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid)
               + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)
               + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)))
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
      LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = c.oid AND c.relispartition
     WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'i', 'I') AND c.relpersistence <> 't'
       AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'planguard')),
  'locks', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(l.relation::int8, l.mode))
      FROM pg_catalog.pg_locks l
     WHERE l.locktype = 'relation' AND l.granted AND l.relation >= 16384
       AND l.pid = pg_catalog.pg_backend_pid()),
  'dropped', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attrelid::int8, a.attnum))
      FROM pg_catalog.pg_attribute a
     WHERE a.attisdropped AND a.attrelid >= 16384 AND a.attnum > 0),
  'foreign_keys', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
             k.oid::int8, k.conrelid::int8, k.confrelid::int8, k.convalidated))
      FROM pg_catalog.pg_constraint k
     WHERE k.contype = 'f' AND k.conparentid = 0),
  'lock_timeout', pg_catalog.current_setting('lock_timeout'),
  'statement_timeout', pg_catalog.current_setting('statement_timeout'))::text

-- name: columns
-- Names of the columns there are before the migration, by table and number.
SELECT a.attrelid::int8, a.attnum, a.attname
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
 WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid >= 16384 AND c.relkind IN ('r', 'p', 'm')

-- name: tables
-- What can be locked by name, for the watcher of statements that run outside of a transaction.
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'planguard')
 ORDER BY c.oid

-- name: waiting
-- What a backend waits for, and who stands in its way.
SELECT coalesce(l.relation, 0)::int8, l.mode, l.locktype,
       pg_catalog.pg_blocking_pids(l.pid)
  FROM pg_catalog.pg_locks l
 WHERE l.pid = %s AND NOT l.granted
