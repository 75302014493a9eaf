-- name: backends
SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = %s

-- name: surplus
-- Kept copies of templates that are gone, and of each template those used longest ago.
WITH known AS (
    SELECT d.datname, split_part(d.datname::text, '_', 3) AS template,
           -- a copy whose time could not be written still names its template there
           CASE WHEN s.description ~ '^[0-9]{4}-' THEN s.description ELSE '2000-01-01' END
             ::timestamptz AS used
      FROM pg_catalog.pg_database d
      LEFT JOIN pg_catalog.pg_shdescription s
        ON s.objoid = d.oid AND s.classoid = 'pg_catalog.pg_database'::regclass
     WHERE starts_with(d.datname::text, %(prefix)s)
), ranked AS (
    SELECT datname, template, row_number() OVER (PARTITION BY template ORDER BY used DESC) AS place
      FROM known
)
SELECT datname
  FROM ranked
 WHERE place > %(kept)s
    OR NOT EXISTS (SELECT FROM pg_catalog.pg_database t
                    WHERE t.oid::text = ranked.template
                      AND starts_with(t.datname::text, %(templates)s))
