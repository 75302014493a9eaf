-- name: rest
-- An index that is not ready takes no entries; REINDEX builds it and makes it ready and valid. Its
-- number, which decides between equal costs, stays. One that was not valid before is left so.
WITH resting AS (
  UPDATE pg_catalog.pg_index SET indisready = false, indisvalid = false
  WHERE indrelid = ANY (%s::regclass[]) AND indisvalid AND indisready
  RETURNING indexrelid
)
SELECT indexrelid::regclass::text FROM resting ORDER BY indexrelid

-- name: indexes
SELECT indexrelid::regclass::text FROM pg_catalog.pg_index
WHERE indrelid = ANY (%s::regclass[]) AND indisvalid AND indisready
ORDER BY indexrelid

-- name: check
SELECT pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint
WHERE conrelid = %s::regclass AND conname = %s AND contype = 'c'

-- name: fillable
-- Whether a table's file may be exchanged: nothing about its rows but NOT NULL is checked, and a
-- row of all its columns is laid out as one of a new table.
SELECT c.relkind = 'r' AND c.relpersistence = 'p' AND NOT c.relispartition
       AND NOT c.relhassubclass AND c.reloftype = 0 AND a.amname = 'heap'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = c.oid)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
                       WHERE conrelid = c.oid AND contype = 'c')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
                       WHERE attrelid = c.oid AND attnum > 0
                         AND (attisdropped OR attgenerated <> ''))
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am a ON a.oid = c.relam
WHERE c.oid = %s::regclass

-- name: alike
-- Same types in the same order, and no value moved out of its row: a pointer to one names the
-- table it was made for.
SELECT NOT EXISTS (
         SELECT FROM (SELECT attnum, atttypid FROM pg_catalog.pg_attribute
                      WHERE attrelid = %(old)s::regclass AND attnum > 0) o
         FULL JOIN (SELECT attnum, atttypid FROM pg_catalog.pg_attribute
                    WHERE attrelid = %(new)s::regclass AND attnum > 0) n USING (attnum)
         WHERE o.atttypid IS DISTINCT FROM n.atttypid)
       AND coalesce((SELECT pg_catalog.pg_relation_size(reltoastrelid) = 0
                     FROM pg_catalog.pg_class
                     WHERE oid = %(new)s::regclass AND reltoastrelid <> 0), true)

-- name: exchange
UPDATE pg_catalog.pg_class c SET relfilenode = o.relfilenode
FROM pg_catalog.pg_class o
WHERE (c.oid, o.oid) IN ((%(old)s::regclass, %(new)s::regclass),
                         (%(new)s::regclass, %(old)s::regclass))

-- name: is_visible
SELECT relallvisible >= relpages FROM pg_catalog.pg_class WHERE oid = %s::regclass
