-- name: made
-- Indexes by name, and those of partitions attached to them.
c.oid IN (
  WITH RECURSIVE made AS (
    SELECT x.oid FROM pg_catalog.pg_class x
    WHERE x.relname = ANY (%(names)s::name[]) AND x.relkind IN ('i', 'I')
    UNION
    SELECT h.inhrelid FROM pg_catalog.pg_inherits h JOIN made ON made.oid = h.inhparent
  )
  SELECT oid FROM made)
