-- name: neutral
-- Values were printed in this style; some types would be read differently in another.
SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true),
       set_config('IntervalStyle', 'postgres', true)

-- name: relations
UPDATE pg_catalog.pg_class c
SET relpages = x.pages, reltuples = x.tuples, relallvisible = x.visible
FROM json_to_recordset(%(rows)s::json)
       AS x(schema text, relation text, pages int, tuples real, visible int)
JOIN pg_catalog.pg_namespace n ON n.nspname = x.schema
WHERE c.relnamespace = n.oid AND c.relname = x.relation

-- name: attributes
-- Slots as ANALYZE fills them (pg_statistic.h, analyze.c, array_typanalyze.c, ts_typanalyze.c,
-- rangetypes_typanalyze.c): 1 most common values or bounds of ranges, 2 histogram or lengths of
-- ranges, 3 correlation, 4 most common elements, 5 element counts; no type has both of one slot.
-- Operators are those of the type's default btree class, found by the type itself or by a cast
-- that changes no byte, or the equality of its default hash class. Values are read as the type
-- under all domains: to the planner it is the same, and a CHECK would refuse stand-ins.
WITH RECURSIVE x AS (
  SELECT * FROM json_to_recordset(%(rows)s::json)
    AS x(schema text, relation text, attribute text, inherited bool, type oid, null_frac real,
         avg_width int, n_distinct real, most_common_vals text[], most_common_freqs real[],
         histogram_bounds text[], correlation real, most_common_elems text[],
         most_common_elem_freqs real[], elem_count_histogram real[],
         range_length_histogram text[], range_empty_frac real, range_bounds_histogram text[])
), base AS (
  SELECT oid, oid AS base FROM pg_catalog.pg_type WHERE typtype <> 'd'
  UNION ALL
  SELECT t.oid, b.base FROM pg_catalog.pg_type t JOIN base b ON t.typbasetype = b.oid
  WHERE t.typtype = 'd'
), needed AS (
  SELECT x.*, a.attrelid, a.attnum, a.attcollation, b.base
  FROM x
  JOIN pg_catalog.pg_namespace n ON n.nspname = x.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = x.relation
  JOIN pg_catalog.pg_attribute a
    ON a.attrelid = c.oid AND a.attname = x.attribute AND a.attnum > 0 AND NOT a.attisdropped
  JOIN base b ON b.oid = coalesce(x.type, a.atttypid)
), parts AS (
  SELECT n.base,
         CASE WHEN n.base = 'tsvector'::regtype THEN 'text'::regtype::oid
              WHEN t.typlen = -1 AND t.typelem <> 0 THEN e.base END AS element,
         coalesce((SELECT r.rngtypid FROM pg_catalog.pg_range r
                   WHERE to_jsonb(r) ->> 'rngmultitypid' = n.base::text), n.base) AS range
  FROM (SELECT DISTINCT base FROM needed) n
  JOIN pg_catalog.pg_type t ON t.oid = n.base
  LEFT JOIN base e ON e.oid = t.typelem
), kinds AS (
  SELECT base AS type FROM parts UNION SELECT element FROM parts WHERE element IS NOT NULL
), class AS (
  SELECT DISTINCT ON (k.type, m.amname) k.type, m.amname, o.opcfamily, o.opcintype
  FROM kinds k
  JOIN pg_catalog.pg_type t ON t.oid = k.type
  JOIN pg_catalog.pg_opclass o ON o.opcdefault
   AND (o.opcintype = k.type
        OR EXISTS (SELECT FROM pg_catalog.pg_cast
                   WHERE castsource = k.type AND casttarget = o.opcintype AND castmethod = 'b')
        OR o.opcintype = CASE WHEN t.typtype = 'e' THEN 'anyenum'::regtype
                              WHEN t.typtype = 'r' THEN 'anyrange'::regtype
                              WHEN t.typtype = 'm' THEN to_regtype('anymultirange')
                              WHEN t.typtype = 'c' THEN 'record'::regtype
                              WHEN t.typcategory = 'A' THEN 'anyarray'::regtype
                              ELSE 0::oid END)
  JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod AND m.amname IN ('btree', 'hash')
  JOIN pg_catalog.pg_type i ON i.oid = o.opcintype
  ORDER BY k.type, m.amname, (o.opcintype = k.type) DESC, i.typispreferred DESC, o.opcintype
), ordered AS (
  SELECT c.type,
         max(m.amopopr) FILTER (WHERE c.amname = 'btree' AND m.amopstrategy = 1) AS less,
         coalesce(max(m.amopopr) FILTER (WHERE c.amname = 'btree' AND m.amopstrategy = 3),
                  max(m.amopopr) FILTER (WHERE c.amname = 'hash' AND m.amopstrategy = 1)) AS equal
  FROM class c
  JOIN pg_catalog.pg_amop m ON m.amopfamily = c.opcfamily
   AND m.amoplefttype = c.opcintype AND m.amoprighttype = c.opcintype
  GROUP BY c.type
), facts AS (
  SELECT n.*, o.less, o.equal, p.element, p.range, eo.equal AS element_equal,
         CASE WHEN n.base = 'tsvector'::regtype THEN 100 ELSE n.attcollation END
           AS element_collation,
         n.most_common_vals IS NOT NULL AND o.equal IS NOT NULL
           AND n.range_bounds_histogram IS NULL AS has_common,
         n.histogram_bounds IS NOT NULL AND o.less IS NOT NULL
           AND n.range_empty_frac IS NULL AS has_histogram,
         n.correlation IS NOT NULL AND o.less IS NOT NULL AS has_correlation,
         n.most_common_elems IS NOT NULL AND eo.equal IS NOT NULL AS has_elements,
         n.elem_count_histogram IS NOT NULL AND eo.equal IS NOT NULL AS has_counts,
         n.range_bounds_histogram IS NOT NULL AND t.typtype IN ('r', 'm') AS has_bounds,
         n.range_empty_frac IS NOT NULL AND t.typtype IN ('r', 'm') AS has_lengths
  FROM needed n
  JOIN parts p ON p.base = n.base
  JOIN pg_catalog.pg_type t ON t.oid = n.base
  LEFT JOIN ordered o ON o.type = n.base
  LEFT JOIN ordered eo ON eo.type = p.element
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
    stanumbers1, stanumbers2, stanumbers3, stanumbers4, stanumbers5,
    stavalues1, stavalues2, stavalues4)
  SELECT attrelid, attnum, inherited, coalesce(null_frac, 0), coalesce(avg_width, 0),
         coalesce(n_distinct, 0),
         CASE WHEN has_common THEN 1 WHEN has_bounds THEN 7 ELSE 0 END,
         CASE WHEN has_histogram THEN 2 WHEN has_lengths THEN 6 ELSE 0 END,
         CASE WHEN has_correlation THEN 3 ELSE 0 END, CASE WHEN has_elements THEN 4 ELSE 0 END,
         CASE WHEN has_counts THEN 5 ELSE 0 END,
         CASE WHEN has_common THEN equal ELSE 0 END,
         CASE WHEN has_histogram THEN less
              WHEN has_lengths THEN 'pg_catalog.<(float8,float8)'::regoperator::oid ELSE 0 END,
         CASE WHEN has_correlation THEN less ELSE 0 END,
         CASE WHEN has_elements THEN element_equal ELSE 0 END,
         CASE WHEN has_counts THEN element_equal ELSE 0 END,
         CASE WHEN has_common THEN attcollation ELSE 0 END,
         CASE WHEN has_histogram THEN attcollation ELSE 0 END,
         CASE WHEN has_correlation THEN attcollation ELSE 0 END,
         CASE WHEN has_elements THEN element_collation ELSE 0 END,
         CASE WHEN has_counts THEN element_collation ELSE 0 END,
         CASE WHEN has_common THEN most_common_freqs END,
         CASE WHEN has_lengths THEN ARRAY[range_empty_frac] END,
         CASE WHEN has_correlation THEN ARRAY[correlation] END,
         CASE WHEN has_elements THEN most_common_elem_freqs END,
         CASE WHEN has_counts THEN elem_count_histogram END,
         CASE WHEN has_common
              THEN pg_catalog.array_in(most_common_vals::text::cstring, base, -1)
              WHEN has_bounds
              THEN pg_catalog.array_in(range_bounds_histogram::text::cstring, range, -1) END,
         CASE WHEN has_histogram
              THEN pg_catalog.array_in(histogram_bounds::text::cstring, base, -1)
              WHEN has_lengths AND range_length_histogram IS NOT NULL
              THEN pg_catalog.array_in(range_length_histogram::text::cstring,
                                       'float8'::regtype, -1) END,
         CASE WHEN has_elements
              THEN pg_catalog.array_in(most_common_elems::text::cstring, element, -1) END
  FROM facts
  RETURNING starelid
)
SELECT schema || '.' || relation || '.' || attribute
FROM facts, (SELECT count(*) FROM old) AS removed, (SELECT count(*) FROM made) AS written
WHERE (most_common_vals IS NOT NULL AND NOT has_common)
   OR (histogram_bounds IS NOT NULL AND NOT has_histogram)
   OR (correlation IS NOT NULL AND NOT has_correlation)
   OR (most_common_elems IS NOT NULL AND NOT has_elements)
   OR (elem_count_histogram IS NOT NULL AND NOT has_counts)
   OR (range_bounds_histogram IS NOT NULL AND NOT has_bounds)
   OR (range_empty_frac IS NOT NULL AND NOT has_lengths)
