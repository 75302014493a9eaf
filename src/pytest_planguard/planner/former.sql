-- name: show
-- The planner passes over an invalid index (plancat.c, get_relation_info).
UPDATE pg_catalog.pg_index i SET indisvalid = w.valid
  FROM unnest({names}::text[], {valid}::boolean[]) AS w (name, valid),
       pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname || '.' || c.relname = w.name AND c.relkind IN ('i', 'I')
   AND i.indexrelid = c.oid AND i.indisvalid <> w.valid

-- name: set
-- Nothing is set that this server does not know: another major has other settings.
SELECT set_config(name, {value}, false) FROM pg_catalog.pg_settings WHERE name = {name}
