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
