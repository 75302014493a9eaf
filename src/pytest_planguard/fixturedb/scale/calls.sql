-- name: extension
SELECT n.nspname,
       EXISTS (SELECT FROM pg_catalog.pg_attribute a
               WHERE a.attrelid = c.oid AND a.attname = 'total_exec_time')
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'pg_stat_statements'
WHERE e.extname = 'pg_stat_statements'

-- name: calls
-- One statement of several users is one. Utility statements begin with none of these words.
SELECT s.query, sum(s.calls)::bigint, sum(s.{total}) / nullif(sum(s.calls), 0), sum(s.rows)::bigint
FROM {schema}.pg_stat_statements s
WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND s.query ~* '^([[:space:](]|--[^\n]*\n|/\*([^*]|\*+[^*/])*\*+/)*(select|insert|update|delete|merge|with|values)\y'
  AND length(s.query) <= %(longest)s
GROUP BY s.query
HAVING sum(s.calls) > 0
ORDER BY sum(s.{total}) DESC, s.query COLLATE "C"
LIMIT %(most)s

-- name: hidden_calls
SELECT count(*)
FROM {schema}.pg_stat_statements s
WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND s.query = '<insufficient privilege>'
