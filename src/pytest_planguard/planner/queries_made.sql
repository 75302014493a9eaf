-- name: made
-- Indexes by name, and those of partitions attached to them.
WITH RECURSIVE made AS (
  SELECT c.oid FROM pg_catalog.pg_class c
  WHERE c.relname = ANY (%(names)s::name[]) AND c.relkind IN ('i', 'I')
  UNION
  SELECT h.inhrelid FROM pg_catalog.pg_inherits h JOIN made ON made.oid = h.inhparent
)
SELECT array_agg(oid) FROM made

-- name: wanted
-- As constants: the catalogs of a copy were never analysed, and of a sub-query too much is expected.
i.indexrelid = ANY (%(made)s::oid[])
