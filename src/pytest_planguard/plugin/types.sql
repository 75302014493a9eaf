SELECT t.oid::bigint, quote_ident(n.nspname) || '.' || quote_ident(t.typname)
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.oid = ANY('{{oids}}'::oid[])
