-- See clone_types.sql. Indexes come in the order of their OIDs, whether a constraint made them or
-- not: where two cost the same, the planner takes the one listed first.

-- name: checks
SELECT k.oid, 'constraint', format('%I on %I.%I', k.conname, n.nspname, c.relname),
    format('ALTER TABLE %s%I.%I ADD CONSTRAINT %I %s',
        CASE WHEN k.connoinherit THEN 'ONLY ' ELSE '' END, n.nspname, c.relname, k.conname,
        pg_get_constraintdef(k.oid))
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {ours} AND (k.contype = 'c' OR (k.contype = 'n' AND NOT k.convalidated))
    AND (k.conislocal OR k.coninhcount = 0)
    AND NOT EXISTS ({member} AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)

-- name: indexes
SELECT i.indexrelid, CASE WHEN k.oid IS NULL THEN 'index' ELSE 'constraint' END,
    format('%I.%I', n.nspname, x.relname),
    CASE WHEN k.oid IS NULL THEN pg_get_indexdef(i.indexrelid)
    ELSE format('ALTER TABLE ONLY %I.%I ADD CONSTRAINT %I %s', n.nspname, c.relname, k.conname,
            pg_get_constraintdef(k.oid))
        || coalesce(format('; ALTER INDEX %I.%I SET (', n.nspname, x.relname)
            || array_to_string(x.reloptions, ', ') || ')', '') END
    || coalesce((
        SELECT string_agg(
            format('; ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS %s', n.nspname, x.relname,
                a.attnum, a.attstattarget),
            '' ORDER BY a.attnum)
        FROM pg_attribute a
        WHERE a.attrelid = i.indexrelid AND coalesce(a.attstattarget, -1) >= 0
    ), '')
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid AND c.relkind IN ({kinds}) AND c.relpersistence <> 't'
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid
    AND k.contype IN ('p', 'u', 'x')
WHERE {ours} AND (i.indisvalid OR x.relkind = 'I')
    AND NOT EXISTS ({member} AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)

-- name: attached_indexes
SELECT x.oid, 'index partition', format('%I.%I', n.nspname, x.relname),
    format('ALTER INDEX %I.%I ATTACH PARTITION %I.%I', pn.nspname, p.relname, n.nspname, x.relname)
FROM pg_inherits i
JOIN pg_class x ON x.oid = i.inhrelid AND x.relkind IN ('i', 'I')
JOIN pg_namespace n ON n.oid = x.relnamespace
JOIN pg_class p ON p.oid = i.inhparent
JOIN pg_namespace pn ON pn.oid = p.relnamespace
WHERE {ours} AND x.relpersistence <> 't'
    AND NOT EXISTS ({member} AND d.classid = 'pg_class'::regclass AND d.objid = p.oid)

-- name: statistics
SELECT s.oid, 'statistics', format('%I.%I', n.nspname, s.stxname),
    pg_get_statisticsobjdef(s.oid)
    || CASE WHEN coalesce(s.stxstattarget, -1) >= 0 THEN format(
        '; ALTER STATISTICS %I.%I SET STATISTICS %s', n.nspname, s.stxname, s.stxstattarget)
        ELSE '' END
FROM pg_statistic_ext s
JOIN pg_namespace n ON n.oid = s.stxnamespace
JOIN pg_class c ON c.oid = s.stxrelid AND c.relkind IN ({kinds}) AND c.relpersistence <> 't'
WHERE {ours}
    AND NOT EXISTS ({member} AND d.classid = 'pg_class'::regclass AND d.objid = s.stxrelid)

-- name: foreign_keys
SELECT k.oid, 'constraint', format('%I on %I.%I', k.conname, n.nspname, c.relname),
    format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', n.nspname, c.relname, k.conname,
        pg_get_constraintdef(k.oid))
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid AND c.relpersistence <> 't'
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {ours} AND k.contype = 'f' AND k.conparentid = 0
    AND NOT EXISTS ({member} AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)

-- name: views
SELECT c.oid, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END,
    format('%I.%I', n.nspname, c.relname),
    format('CREATE %s %I.%I%s AS %s%s',
        CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END, n.nspname, c.relname,
        coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', ''),
        rtrim(pg_get_viewdef(c.oid), ';'),
        CASE c.relkind WHEN 'm' THEN ' WITH NO DATA' ELSE '' END)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {ours} AND c.relkind IN ('v', 'm') AND c.relpersistence <> 't'
    AND NOT EXISTS ({member} AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)

-- name: rules
SELECT r.oid, 'rule', format('%I on %I.%I', r.rulename, n.nspname, c.relname),
    rtrim(pg_get_ruledef(r.oid), ';')
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class AND c.relpersistence <> 't'
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {ours} AND r.rulename <> '_RETURN'
    AND NOT EXISTS ({member} AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)

-- name: triggers
SELECT t.oid, 'trigger', format('%I on %I.%I', t.tgname, n.nspname, c.relname),
    pg_get_triggerdef(t.oid)
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid AND c.relkind IN ('r', 'p', 'v') AND c.relpersistence <> 't'
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {ours} AND NOT t.tgisinternal AND t.tgparentid = 0
    AND NOT EXISTS ({member} AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)

-- name: lacking
SELECT c.oid, 'foreign table', format('%I.%I', n.nspname, c.relname), 'it is on another server'
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {ours} AND c.relkind = 'f'
UNION ALL
SELECT i.indexrelid, 'index', format('%I.%I', n.nspname, x.relname), 'it is invalid at its source'
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid AND x.relkind = 'i' AND x.relpersistence <> 't'
JOIN pg_namespace n ON n.oid = x.relnamespace
WHERE {ours} AND NOT i.indisvalid
UNION ALL
SELECT t.oid, 'type', format('%I.%I', n.nspname, t.typname), 'base types are not cloned'
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE {ours} AND t.typtype = 'b' AND t.typelem = 0
    AND NOT EXISTS ({member} AND d.classid = 'pg_type'::regclass AND d.objid = t.oid)
UNION ALL
SELECT o.oid, 'operator class', format('%I.%I', n.nspname, o.opcname),
    'operator classes are not cloned'
FROM pg_opclass o
JOIN pg_namespace n ON n.oid = o.opcnamespace
WHERE {ours}
    AND NOT EXISTS ({member} AND d.classid = 'pg_opclass'::regclass AND d.objid = o.oid)
UNION ALL
SELECT s.oid, 'text search configuration', format('%I.%I', n.nspname, s.cfgname),
    'text search configurations are not cloned'
FROM pg_ts_config s
JOIN pg_namespace n ON n.oid = s.cfgnamespace
WHERE {ours}
    AND NOT EXISTS ({member} AND d.classid = 'pg_ts_config'::regclass AND d.objid = s.oid)
