-- Each query gives (oid, kind, name, ddl): one object and what makes it, in the order it is made.
-- The search path is pg_catalog while they run, so that every other name is printed in full.
-- {ours} stands for the test that a namespace n is not the system's, {member} for the start of a
-- test that an object belongs to an extension,
-- {on_views} for a test that a function p needs a view, and so is made after all of them.

-- name: schemas
SELECT n.oid, 'schema', quote_ident(n.nspname), format('CREATE SCHEMA IF NOT EXISTS %I', n.nspname)
FROM pg_namespace n
WHERE {ours}
    AND NOT EXISTS ({member} AND d.classid = 'pg_namespace'::regclass AND d.objid = n.oid)

-- name: extensions
SELECT e.oid, 'extension', quote_ident(e.extname),
    format('CREATE EXTENSION IF NOT EXISTS %I', e.extname)
    || CASE WHEN NOT EXISTS (
        {member} AND d.classid = 'pg_namespace'::regclass AND d.objid = n.oid
            AND d.refobjid = e.oid
    ) THEN format(' SCHEMA %I', n.nspname) ELSE '' END
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname <> 'plpgsql'

-- name: collations
SELECT c.oid, 'collation', format('%I.%I', n.nspname, c.collname),
    format('CREATE COLLATION %I.%I (provider = %s, ', n.nspname, c.collname,
        CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END)
    || CASE WHEN c.collprovider = 'c'
        THEN format('lc_collate = %L, lc_ctype = %L', c.collcollate, c.collctype)
        ELSE format('locale = %L', {locale}) END
    || CASE WHEN c.collisdeterministic THEN '' ELSE ', deterministic = false' END || ')'
FROM pg_collation c
JOIN pg_namespace n ON n.oid = c.collnamespace
WHERE {ours}
    AND c.collprovider <> 'd'
    AND NOT EXISTS ({member} AND d.classid = 'pg_collation'::regclass AND d.objid = c.oid)

-- name: enums
SELECT t.oid, 'type', format('%I.%I', n.nspname, t.typname),
    format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, t.typname, (
        SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
        FROM pg_enum e WHERE e.enumtypid = t.oid
    ))
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE {ours} AND t.typtype = 'e'
    AND NOT EXISTS ({member} AND d.classid = 'pg_type'::regclass AND d.objid = t.oid)

-- name: domains
SELECT t.oid, 'type', format('%I.%I', n.nspname, t.typname),
    format('CREATE DOMAIN %I.%I AS %s', n.nspname, t.typname,
        format_type(t.typbasetype, t.typtypmod))
    || CASE WHEN t.typcollation <> b.typcollation THEN (
        SELECT format(' COLLATE %I.%I', cn.nspname, co.collname)
        FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
        WHERE co.oid = t.typcollation
    ) ELSE '' END
    || coalesce(' DEFAULT ' || t.typdefault, '')
    || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END
    || coalesce((
        SELECT string_agg(
            format(' CONSTRAINT %I %s', k.conname, replace(pg_get_constraintdef(k.oid), ' NOT VALID', '')),
            '' ORDER BY k.oid)
        FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'
    ), '')
FROM pg_type t
JOIN pg_type b ON b.oid = t.typbasetype
JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE {ours} AND t.typtype = 'd'
    AND NOT EXISTS ({member} AND d.classid = 'pg_type'::regclass AND d.objid = t.oid)

-- name: composites
SELECT t.oid, 'type', format('%I.%I', n.nspname, t.typname),
    format('CREATE TYPE %I.%I AS (%s)', n.nspname, t.typname, (
        SELECT string_agg(
            format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', '
            ORDER BY a.attnum)
        FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ))
FROM pg_type t
JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE {ours} AND t.typtype = 'c'
    AND NOT EXISTS ({member} AND d.classid = 'pg_type'::regclass AND d.objid = t.oid)

-- name: ranges
SELECT t.oid, 'type', format('%I.%I', n.nspname, t.typname),
    format('CREATE TYPE %I.%I AS RANGE (subtype = %s', n.nspname, t.typname,
        format_type(r.rngsubtype, NULL))
    || coalesce((
        SELECT format(', subtype_opclass = %I.%I', onsp.nspname, o.opcname)
        FROM pg_opclass o JOIN pg_namespace onsp ON onsp.oid = o.opcnamespace
        WHERE o.oid = r.rngsubopc AND NOT o.opcdefault
    ), '')
    || coalesce((
        SELECT format(', collation = %I.%I', cn.nspname, co.collname)
        FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
        WHERE co.oid = r.rngcollation AND co.collname <> 'default'
    ), '')
    || CASE WHEN r.rngsubdiff <> 0 THEN ', subtype_diff = ' || r.rngsubdiff::text ELSE '' END
    || {multirange} || ')'
FROM pg_range r
JOIN pg_type t ON t.oid = r.rngtypid
JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE {ours}
    AND NOT EXISTS ({member} AND d.classid = 'pg_type'::regclass AND d.objid = t.oid)

-- name: functions
SELECT p.oid, CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END,
    format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    rtrim(pg_get_functiondef(p.oid), E'\n')
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE {ours} AND p.prokind <> 'a'
    AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i')
    )
    AND NOT {on_views}

-- name: functions of views
SELECT p.oid, CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END,
    format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    rtrim(pg_get_functiondef(p.oid), E'\n')
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE {ours} AND p.prokind <> 'a'
    AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i')
    )
    AND {on_views}

-- name: aggregates
SELECT p.oid, 'aggregate',
    format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    format('CREATE AGGREGATE %I.%I(%s) (SFUNC = %s, STYPE = %s', n.nspname, p.proname,
        CASE WHEN p.pronargs = 0 THEN '*' ELSE pg_get_function_identity_arguments(p.oid) END,
        a.aggtransfn::text, format_type(a.aggtranstype, NULL))
    || CASE WHEN a.aggtransspace <> 0 THEN format(', SSPACE = %s', a.aggtransspace) ELSE '' END
    || CASE WHEN a.aggfinalfn <> 0 THEN ', FINALFUNC = ' || a.aggfinalfn::text ELSE '' END
    || CASE WHEN a.aggfinalextra THEN ', FINALFUNC_EXTRA' ELSE '' END
    || CASE WHEN a.aggcombinefn <> 0 THEN ', COMBINEFUNC = ' || a.aggcombinefn::text ELSE '' END
    || CASE WHEN a.aggserialfn <> 0 THEN ', SERIALFUNC = ' || a.aggserialfn::text ELSE '' END
    || CASE WHEN a.aggdeserialfn <> 0
        THEN ', DESERIALFUNC = ' || a.aggdeserialfn::text ELSE '' END
    || coalesce(', INITCOND = ' || quote_literal(a.agginitval), '')
    || CASE WHEN a.aggmtransfn <> 0 THEN format(
        ', MSFUNC = %s, MINVFUNC = %s, MSTYPE = %s', a.aggmtransfn::text, a.aggminvtransfn::text,
        format_type(a.aggmtranstype, NULL))
        || CASE WHEN a.aggmfinalfn <> 0 THEN ', MFINALFUNC = ' || a.aggmfinalfn::text ELSE '' END
        || coalesce(', MINITCOND = ' || quote_literal(a.aggminitval), '')
        ELSE '' END
    || CASE WHEN a.aggsortop <> 0 THEN (
        SELECT format(', SORTOP = OPERATOR(%I.%s)', onsp.nspname, o.oprname)
        FROM pg_operator o JOIN pg_namespace onsp ON onsp.oid = o.oprnamespace
        WHERE o.oid = a.aggsortop
    ) ELSE '' END
    || CASE p.proparallel WHEN 's' THEN ', PARALLEL = SAFE'
        WHEN 'r' THEN ', PARALLEL = RESTRICTED' ELSE '' END
    || CASE WHEN a.aggkind = 'h' THEN ', HYPOTHETICAL' ELSE '' END || ')'
FROM pg_aggregate a
JOIN pg_proc p ON p.oid = a.aggfnoid
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE {ours}
    AND NOT EXISTS ({member} AND d.classid = 'pg_proc'::regclass AND d.objid = p.oid)

-- name: operators
SELECT o.oid, 'operator',
    format('%I.%s(%s, %s)', n.nspname, o.oprname,
        format_type(nullif(o.oprleft, 0), NULL), format_type(o.oprright, NULL)),
    format('CREATE OPERATOR %I.%s (FUNCTION = %s', n.nspname, o.oprname, o.oprcode::text)
    || CASE WHEN o.oprleft <> 0
        THEN format(', LEFTARG = %s', format_type(o.oprleft, NULL)) ELSE '' END
    || format(', RIGHTARG = %s', format_type(o.oprright, NULL))
    || coalesce((
        SELECT format(', COMMUTATOR = OPERATOR(%I.%s)', cn.nspname, c.oprname)
        FROM pg_operator c JOIN pg_namespace cn ON cn.oid = c.oprnamespace WHERE c.oid = o.oprcom
    ), '')
    || coalesce((
        SELECT format(', NEGATOR = OPERATOR(%I.%s)', cn.nspname, c.oprname)
        FROM pg_operator c JOIN pg_namespace cn ON cn.oid = c.oprnamespace
        WHERE c.oid = o.oprnegate
    ), '')
    || CASE WHEN o.oprrest <> 0 THEN ', RESTRICT = ' || o.oprrest::text ELSE '' END
    || CASE WHEN o.oprjoin <> 0 THEN ', JOIN = ' || o.oprjoin::text ELSE '' END
    || CASE WHEN o.oprcanhash THEN ', HASHES' ELSE '' END
    || CASE WHEN o.oprcanmerge THEN ', MERGES' ELSE '' END || ')'
FROM pg_operator o
JOIN pg_namespace n ON n.oid = o.oprnamespace
WHERE {ours} AND o.oprcode <> 0
    AND NOT EXISTS ({member} AND d.classid = 'pg_operator'::regclass AND d.objid = o.oid)

-- name: casts
SELECT c.oid, 'cast',
    format('%s AS %s', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)),
    format('CREATE CAST (%s AS %s) %s%s',
        format_type(c.castsource, NULL), format_type(c.casttarget, NULL),
        CASE c.castmethod WHEN 'i' THEN 'WITH INOUT' WHEN 'b' THEN 'WITHOUT FUNCTION'
            ELSE 'WITH FUNCTION ' || c.castfunc::regprocedure::text END,
        CASE c.castcontext WHEN 'i' THEN ' AS IMPLICIT' WHEN 'a' THEN ' AS ASSIGNMENT' ELSE '' END)
FROM pg_cast c
WHERE c.oid >= 16384
    AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i')
    )
