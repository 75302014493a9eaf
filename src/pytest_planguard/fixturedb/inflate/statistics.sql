-- name: relations_since_18
SELECT x.relation, pg_catalog.pg_restore_relation_stats(
         'schemaname', x.schema, 'relname', x.relation, 'relpages', x.pages,
         'reltuples', x.tuples, 'relallvisible', x.visible)
FROM json_to_recordset(%(rows)s::json)
  AS x(schema text, relation text, pages int, tuples real, visible int)

-- name: attributes_since_18
-- An argument that is NULL counts as not given. Arrays of text print as the literal that the
-- column's own type then reads.
SELECT x.schema || '.' || x.relation || '.' || x.attribute
FROM json_to_recordset(%(rows)s::json)
  AS x(schema text, relation text, attribute text, inherited bool, null_frac real,
       avg_width int, n_distinct real, most_common_vals text[], most_common_freqs real[],
       histogram_bounds text[], correlation real, most_common_elems text[],
       most_common_elem_freqs real[], elem_count_histogram real[])
WHERE NOT pg_catalog.pg_restore_attribute_stats(
         'schemaname', x.schema, 'relname', x.relation, 'attname', x.attribute,
         'inherited', x.inherited, 'null_frac', x.null_frac, 'avg_width', x.avg_width,
         'n_distinct', x.n_distinct, 'most_common_vals', x.most_common_vals::text,
         'most_common_freqs', x.most_common_freqs, 'histogram_bounds', x.histogram_bounds::text,
         'correlation', x.correlation, 'most_common_elems', x.most_common_elems::text,
         'most_common_elem_freqs', x.most_common_elem_freqs,
         'elem_count_histogram', x.elem_count_histogram)

-- name: relations_before_18
UPDATE pg_catalog.pg_class c
SET relpages = x.pages, reltuples = x.tuples, relallvisible = x.visible
FROM json_to_recordset(%(rows)s::json)
       AS x(schema text, relation text, pages int, tuples real, visible int)
JOIN pg_catalog.pg_namespace n ON n.nspname = x.schema
WHERE c.relnamespace = n.oid AND c.relname = x.relation

-- name: attributes_before_18
-- Slots as ANALYZE fills them (pg_statistic.h): 1 most common values, 2 histogram,
-- 3 correlation, 4 most common elements, 5 histogram of element counts. Operators are those of
-- the type's default btree class, found by the type itself or by a cast that changes no byte.
WITH RECURSIVE x AS (
  SELECT * FROM json_to_recordset(%(rows)s::json)
    AS x(schema text, relation text, attribute text, inherited bool, null_frac real,
         avg_width int, n_distinct real, most_common_vals text[], most_common_freqs real[],
         histogram_bounds text[], correlation real, most_common_elems text[],
         most_common_elem_freqs real[], elem_count_histogram real[])
), base AS (
  SELECT oid, oid AS base FROM pg_catalog.pg_type WHERE typtype <> 'd'
  UNION ALL
  SELECT t.oid, b.base FROM pg_catalog.pg_type t JOIN base b ON t.typbasetype = b.oid
  WHERE t.typtype = 'd'
), needed AS (
  SELECT x.*, a.attrelid, a.attnum, a.atttypid, a.attcollation, b.base
  FROM x
  JOIN pg_catalog.pg_namespace n ON n.nspname = x.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = x.relation
  JOIN pg_catalog.pg_attribute a
    ON a.attrelid = c.oid AND a.attname = x.attribute AND a.attnum > 0
  JOIN base b ON b.oid = a.atttypid
), element AS (
  SELECT DISTINCT n.base, CASE WHEN t.typname = 'tsvector' THEN 'text'::regtype::oid
                               WHEN t.typlen = -1 THEN t.typelem ELSE 0 END AS element
  FROM needed n JOIN pg_catalog.pg_type t ON t.oid = n.base
), kinds AS (
  SELECT base AS type FROM element UNION SELECT element FROM element WHERE element <> 0
), class AS (
  SELECT DISTINCT ON (k.type) k.type, o.opcfamily, o.opcintype, t.typcollation
  FROM kinds k
  JOIN pg_catalog.pg_type t ON t.oid = k.type
  JOIN pg_catalog.pg_opclass o ON o.opcdefault
   AND o.opcmethod = (SELECT oid FROM pg_catalog.pg_am WHERE amname = 'btree')
   AND (o.opcintype = k.type
        OR EXISTS (SELECT FROM pg_catalog.pg_cast
                   WHERE castsource = k.type AND casttarget = o.opcintype AND castmethod = 'b')
        OR o.opcintype = CASE WHEN t.typtype = 'e' THEN 'anyenum'::regtype
                              WHEN t.typtype = 'r' THEN 'anyrange'::regtype
                              WHEN t.typtype = 'c' THEN 'record'::regtype
                              WHEN t.typcategory = 'A' THEN 'anyarray'::regtype
                              ELSE 0::oid END)
  JOIN pg_catalog.pg_type i ON i.oid = o.opcintype
  ORDER BY k.type, (o.opcintype = k.type) DESC, i.typispreferred DESC, o.opcintype
), ordered AS (
  SELECT c.type, c.typcollation,
         max(m.amopopr) FILTER (WHERE m.amopstrategy = 1) AS less,
         max(m.amopopr) FILTER (WHERE m.amopstrategy = 3) AS equal
  FROM class c
  JOIN pg_catalog.pg_amop m ON m.amopfamily = c.opcfamily
   AND m.amoplefttype = c.opcintype AND m.amoprighttype = c.opcintype
  GROUP BY c.type, c.typcollation
), facts AS (
  SELECT n.*, o.less, o.equal, e.element, eo.equal AS element_equal,
         coalesce(eo.typcollation, 0::oid) AS element_collation,
         n.most_common_vals IS NOT NULL AND o.equal IS NOT NULL AS has_common,
         n.histogram_bounds IS NOT NULL AND o.less IS NOT NULL AS has_histogram,
         n.correlation IS NOT NULL AND o.less IS NOT NULL AS has_correlation,
         n.most_common_elems IS NOT NULL AND eo.equal IS NOT NULL AS has_elements,
         n.elem_count_histogram IS NOT NULL AND eo.equal IS NOT NULL AS has_counts
  FROM needed n
  JOIN element e ON e.base = n.base
  LEFT JOIN ordered o ON o.type = n.base
  LEFT JOIN ordered eo ON eo.type = e.element
), old AS (
  DELETE FROM pg_catalog.pg_statistic s USING facts f
  WHERE s.starelid = f.attrelid AND s.staattnum = f.attnum AND s.stainherit = f.inherited
  RETURNING s.starelid
), made AS (
  INSERT INTO pg_catalog.pg_statistic (
    starelid, staattnum, stainherit, stanullfrac, stawidth, stadistinct,
    stakind1, stakind2, stakind3, stakind4, stakind5,
    staop1, staop2, staop3, staop4, staop5,
    stacoll1, stacoll2, stacoll3, stacoll4, stacoll5,
    stanumbers1, stanumbers3, stanumbers4, stanumbers5,
    stavalues1, stavalues2, stavalues4)
  SELECT attrelid, attnum, inherited, coalesce(null_frac, 0), coalesce(avg_width, 0),
         coalesce(n_distinct, 0),
         CASE WHEN has_common THEN 1 ELSE 0 END, CASE WHEN has_histogram THEN 2 ELSE 0 END,
         CASE WHEN has_correlation THEN 3 ELSE 0 END, CASE WHEN has_elements THEN 4 ELSE 0 END,
         CASE WHEN has_counts THEN 5 ELSE 0 END,
         CASE WHEN has_common THEN equal ELSE 0 END, CASE WHEN has_histogram THEN less ELSE 0 END,
         CASE WHEN has_correlation THEN less ELSE 0 END,
         CASE WHEN has_elements THEN element_equal ELSE 0 END,
         CASE WHEN has_counts THEN element_equal ELSE 0 END,
         CASE WHEN has_common THEN attcollation ELSE 0 END,
         CASE WHEN has_histogram THEN attcollation ELSE 0 END,
         CASE WHEN has_correlation THEN attcollation ELSE 0 END,
         CASE WHEN has_elements THEN element_collation ELSE 0 END,
         CASE WHEN has_counts THEN element_collation ELSE 0 END,
         CASE WHEN has_common THEN most_common_freqs END,
         CASE WHEN has_correlation THEN ARRAY[correlation] END,
         CASE WHEN has_elements THEN most_common_elem_freqs END,
         CASE WHEN has_counts THEN elem_count_histogram END,
         CASE WHEN has_common
              THEN pg_catalog.array_in(most_common_vals::text::cstring, atttypid, -1) END,
         CASE WHEN has_histogram
              THEN pg_catalog.array_in(histogram_bounds::text::cstring, atttypid, -1) END,
         CASE WHEN has_elements
              THEN pg_catalog.array_in(most_common_elems::text::cstring, element, -1) END
  FROM facts
  RETURNING starelid
)
SELECT schema || '.' || relation || '.' || attribute
FROM facts, (SELECT count(*) FROM old) AS removed, (SELECT count(*) FROM made) AS written
WHERE (most_common_vals IS NOT NULL AND NOT has_common)
   OR (histogram_bounds IS NOT NULL AND NOT has_histogram)
   OR (most_common_elems IS NOT NULL AND NOT has_elements)
