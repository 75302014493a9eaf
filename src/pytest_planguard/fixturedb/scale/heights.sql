-- name: inspected
-- pageinspect reads through the server's buffers: what is not written yet is seen too.
SELECT n.nspname || '.' || c.relname, m.fastlevel
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname = 'btree'
CROSS JOIN LATERAL {inspect}.bt_metap(format('%I.%I', n.nspname, c.relname)) AS m
WHERE c.relkind = 'i' AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')

-- name: inspected_gin
SELECT n.nspname || '.' || c.relname, m.n_pending_pages, m.n_total_pages, m.n_entry_pages,
       m.n_data_pages, m.n_entries
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname = 'gin'
CROSS JOIN LATERAL {inspect}.gin_metapage_info(
  {inspect}.get_raw_page(format('%I.%I', n.nspname, c.relname), 0)) AS m
WHERE c.relkind = 'i' AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')

-- name: files
SELECT n.nspname || '.' || c.relname, a.amname,
       pg_read_binary_file(pg_relation_filepath(c.oid), 0, 80, true)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname IN ('btree', 'gin')
WHERE c.relkind = 'i' AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')

-- name: questions
-- For each btree the EXPLAIN that this index answers best: its own order, its own predicate.
SELECT n.nspname || '.' || c.relname,
       format('EXPLAIN (FORMAT JSON) SELECT FROM ONLY %I.%I%s ORDER BY %s', n.nspname, t.relname,
              ' WHERE ' || pg_get_expr(i.indpred, i.indrelid), k.keys),
       coalesce(pg_get_expr(i.indpred, i.indrelid), '')
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname = 'btree'
CROSS JOIN LATERAL (
  SELECT string_agg(
           format('(%s)%s USING OPERATOR(%I.%s) NULLS %s',
                  pg_get_indexdef(c.oid, f.attnum, false),
                  ' COLLATE ' || quote_ident(ln.nspname) || '.' || quote_ident(l.collname),
                  pn.nspname, p.oprname,
                  CASE WHEN i.indoption[f.attnum - 1] & 2 = 2 THEN 'FIRST' ELSE 'LAST' END),
           ', ' ORDER BY f.attnum) AS keys
  FROM pg_catalog.pg_attribute f
  JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[f.attnum - 1]
  JOIN pg_catalog.pg_amop m ON m.amopfamily = o.opcfamily AND m.amoplefttype = o.opcintype
   AND m.amoprighttype = o.opcintype
   AND m.amopstrategy = CASE WHEN i.indoption[f.attnum - 1] & 1 = 1 THEN 5 ELSE 1 END
  JOIN pg_catalog.pg_operator p ON p.oid = m.amopopr
  JOIN pg_catalog.pg_namespace pn ON pn.oid = p.oprnamespace
  LEFT JOIN pg_catalog.pg_collation l ON l.oid = i.indcollation[f.attnum - 1]
  LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
  WHERE f.attrelid = c.oid AND f.attnum <= i.indnkeyatts
) k
WHERE c.relkind = 'i' AND c.relpersistence <> 't' AND i.indisvalid
  AND has_any_column_privilege(t.oid, 'SELECT')
  AND t.oid NOT IN ({locked})
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY 1

-- name: only_descents
-- Costs that leave a btree's descent alone in the startup cost. Pages cost a little, so that of
-- two indexes with the same order the smaller one is chosen.
SELECT set_config(name, value, true)
FROM (VALUES ('enable_seqscan', 'off'), ('enable_sort', 'off'), ('enable_bitmapscan', 'off'),
             ('enable_incremental_sort', 'off'), ('enable_indexscan', 'on'),
             ('enable_indexonlyscan', 'on'), ('max_parallel_workers_per_gather', '0'),
             ('cpu_operator_cost', '1'), ('cpu_tuple_cost', '0'), ('cpu_index_tuple_cost', '0'),
             ('seq_page_cost', '0.001'), ('random_page_cost', '0.001'),
             ('constraint_exclusion', 'off'), ('jit', 'off'), ('lock_timeout', '100ms')) AS s(name, value)

-- name: asked
SELECT set_config('planguard.asked', %(questions)s, true)

-- name: ask
-- Each plan is made in a subtransaction that is rolled back at once: no lock on a table is held
-- longer than its plan takes. What may not be planned is left out of the answer.
DO $planguard$
DECLARE
  one record;
  plan json;
  told text[] := '{}';
BEGIN
  FOR one IN SELECT key, value
             FROM json_each_text(current_setting('planguard.asked')::json) LOOP
    BEGIN
      EXECUTE one.value INTO plan;
      RAISE EXCEPTION USING ERRCODE = 'PG001';
    EXCEPTION WHEN OTHERS THEN
      IF SQLSTATE = 'PG001' THEN
        told := told || json_build_array(one.key, plan #>> '{0,Plan,Index Name}',
                                         plan #> '{0,Plan,Startup Cost}')::text;
      END IF;
    END;
  END LOOP;
  PERFORM set_config('planguard.told', '[' || array_to_string(told, ',') || ']', true);
END $planguard$

-- name: told
SELECT current_setting('planguard.told', true)
