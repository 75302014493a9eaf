DELETE FROM pg_description WHERE classoid NOT IN ('pg_namespace'::regclass, 'pg_extension'::regclass)
VACUUM FULL pg_description
