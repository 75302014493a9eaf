-- name: extensions
SELECT name FROM pg_catalog.pg_available_extensions

-- name: icu
SELECT EXISTS (SELECT FROM pg_catalog.pg_collation WHERE collprovider = 'i')
