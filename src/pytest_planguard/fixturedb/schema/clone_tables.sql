-- See clone_types.sql. Tables come without constraints, indexes and parents, which follow one by
-- one: only so do columns, names and the order of indexes stay what they were.

-- name: sequences
SELECT c.oid, 'sequence', format('%I.%I', n.nspname, c.relname),
    format(
        'CREATE SEQUENCE %I.%I AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s%s',
        n.nspname, c.relname, format_type(s.seqtypid, NULL), s.seqincrement, s.seqmin, s.seqmax,
        s.seqstart, s.seqcache, CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END)
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {ours} AND c.relpersistence <> 't'
    AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i')
    )

-- name: tables
SELECT c.oid, 'table', format('%I.%I', n.nspname, c.relname),
    format('CREATE TABLE %I.%I (%s)', n.nspname, c.relname, coalesce((
        SELECT string_agg(
            format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
            || CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0 THEN (
                SELECT format(' COLLATE %I.%I', cn.nspname, co.collname)
                FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
                WHERE co.oid = a.attcollation
            ) ELSE '' END
            || CASE
                WHEN a.attgenerated = 's'
                    THEN format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(f.adbin, f.adrelid))
                WHEN a.attgenerated = 'v'
                    THEN format(' GENERATED ALWAYS AS (%s) VIRTUAL', pg_get_expr(f.adbin, f.adrelid))
                WHEN a.attidentity <> '' AND NOT c.relispartition THEN format(
                    ' GENERATED %s AS IDENTITY%s',
                    CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, (
                        SELECT format(' (SEQUENCE NAME %I.%I)', sn.nspname, s.relname)
                        FROM pg_depend d
                        JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
                        JOIN pg_namespace sn ON sn.oid = s.relnamespace
                        WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'i'
                            AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
                            AND d.refobjsubid = a.attnum
                        LIMIT 1
                    ))
                WHEN f.oid IS NOT NULL AND NOT EXISTS (
                    SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
                        AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
                ) THEN ' DEFAULT ' || pg_get_expr(f.adbin, f.adrelid)
                ELSE '' END
            || CASE WHEN a.attnotnull AND NOT EXISTS (
                SELECT FROM pg_constraint k
                WHERE k.conrelid = c.oid AND k.contype = 'n' AND k.conkey[1] = a.attnum
                    AND NOT k.convalidated
            ) THEN ' NOT NULL' ELSE '' END,
            ', ' ORDER BY a.attnum)
        FROM pg_attribute a
        JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ), ''))
    || CASE WHEN c.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END
    || coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '')
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {ours} AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    AND NOT EXISTS ({member} AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)

-- name: parents
SELECT c.oid, CASE WHEN c.relispartition THEN 'partition' ELSE 'inheritance' END,
    format('%I.%I', n.nspname, c.relname),
    CASE WHEN c.relispartition
        THEN format('ALTER TABLE ONLY %I.%I ATTACH PARTITION %I.%I %s', pn.nspname, p.relname,
            n.nspname, c.relname, pg_get_expr(c.relpartbound, c.oid))
        ELSE format('ALTER TABLE ONLY %I.%I INHERIT %I.%I', n.nspname, c.relname,
            pn.nspname, p.relname) END
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind IN ('r', 'p')
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class p ON p.oid = i.inhparent
JOIN pg_namespace pn ON pn.oid = p.relnamespace
WHERE {ours} AND c.relpersistence <> 't'
    AND NOT EXISTS ({member} AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)
ORDER BY c.oid, i.inhseqno

-- name: defaults
SELECT f.oid, 'default', format('%I.%I.%I', n.nspname, c.relname, a.attname),
    format('ALTER TABLE ONLY %I.%I ALTER COLUMN %I SET DEFAULT %s', n.nspname, c.relname,
        a.attname, pg_get_expr(f.adbin, f.adrelid))
FROM pg_attrdef f
JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attgenerated = ''
JOIN pg_class c ON c.oid = f.adrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {ours} AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    AND EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
            AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
    )
    AND NOT EXISTS ({member} AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)

-- name: owned
SELECT c.oid, 'sequence owner', format('%I.%I', n.nspname, c.relname),
    format('ALTER SEQUENCE %I.%I OWNED BY %I.%I.%I', n.nspname, c.relname, tn.nspname, t.relname,
        a.attname)
FROM pg_depend d
JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = d.refobjid AND t.relkind IN ('r', 'p')
JOIN pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE {ours} AND c.relpersistence <> 't' AND d.deptype = 'a'
    AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
ORDER BY c.oid

-- name: targets
SELECT c.oid, 'statistics target', format('%I.%I.%I', n.nspname, c.relname, a.attname),
    concat_ws('; ',
        CASE WHEN a.attstattarget >= 0 THEN format(
            'ALTER TABLE ONLY %I.%I ALTER COLUMN %I SET STATISTICS %s', n.nspname, c.relname,
            a.attname, a.attstattarget) END,
        CASE WHEN a.attoptions IS NOT NULL THEN format(
            'ALTER TABLE ONLY %I.%I ALTER COLUMN %I SET (%s)', n.nspname, c.relname, a.attname,
            array_to_string(a.attoptions, ', ')) END)
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {ours} AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT a.attisdropped
    AND a.attnum > 0 AND (coalesce(a.attstattarget, -1) >= 0 OR a.attoptions IS NOT NULL)
    AND NOT EXISTS ({member} AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)
ORDER BY c.oid, a.attnum

-- name: security
SELECT c.oid, 'row security', format('%I.%I', n.nspname, c.relname),
    concat_ws('; ',
        CASE WHEN c.relrowsecurity THEN
            format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', n.nspname, c.relname) END,
        CASE WHEN c.relforcerowsecurity THEN
            format('ALTER TABLE %I.%I FORCE ROW LEVEL SECURITY', n.nspname, c.relname) END)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {ours} AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    AND (c.relrowsecurity OR c.relforcerowsecurity)
    AND NOT EXISTS ({member} AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)

-- name: policies
SELECT p.oid, 'policy', format('%I on %I.%I', p.polname, n.nspname, c.relname),
    format('CREATE POLICY %I ON %I.%I AS %s FOR %s TO %s', p.polname, n.nspname, c.relname,
        CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
        CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
            WHEN 'd' THEN 'DELETE' ELSE 'ALL' END, (
            SELECT string_agg(
                CASE WHEN r = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ')
            FROM unnest(p.polroles) r
        ))
    || coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
    || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
FROM pg_policy p
JOIN pg_class c ON c.oid = p.polrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {ours}
