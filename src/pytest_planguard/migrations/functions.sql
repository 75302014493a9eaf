-- name: functions
-- Functions and procedures that are neither the server's own nor an extension's.
SELECT p.proname, l.lanname, pg_catalog.pg_get_functiondef(p.oid), coalesce(p.prosrc, ''),
       coalesce(p.proargnames, '{}')
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang
 WHERE p.oid >= 16384 AND p.prokind IN ('f', 'p')
   AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
                      AND d.deptype = 'e')
 ORDER BY p.proname, p.oid
