-- Functions of uuid-ossp 1.1 with their volatility, strictness and cost; in plpgsql, so that the
-- planner does not inline what it would not inline of C.
CREATE FUNCTION uuid_nil() RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1
AS $$ BEGIN RETURN '00000000-0000-0000-0000-000000000000'::uuid; END $$;

CREATE FUNCTION uuid_ns_dns() RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1
AS $$ BEGIN RETURN '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid; END $$;

CREATE FUNCTION uuid_ns_url() RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1
AS $$ BEGIN RETURN '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::uuid; END $$;

CREATE FUNCTION uuid_ns_oid() RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1
AS $$ BEGIN RETURN '6ba7b812-9dad-11d1-80b4-00c04fd430c8'::uuid; END $$;

CREATE FUNCTION uuid_ns_x500() RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1
AS $$ BEGIN RETURN '6ba7b814-9dad-11d1-80b4-00c04fd430c8'::uuid; END $$;

CREATE FUNCTION uuid_generate_v1() RETURNS uuid LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE
COST 1 AS $$ BEGIN RETURN pg_catalog.gen_random_uuid(); END $$;

CREATE FUNCTION uuid_generate_v1mc() RETURNS uuid LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE
COST 1 AS $$ BEGIN RETURN pg_catalog.gen_random_uuid(); END $$;

CREATE FUNCTION uuid_generate_v4() RETURNS uuid LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE
COST 1 AS $$ BEGIN RETURN pg_catalog.gen_random_uuid(); END $$;

CREATE FUNCTION uuid_generate_v3(namespace uuid, name text) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1
AS $$ BEGIN RETURN pg_catalog.md5(namespace::text || name)::uuid; END $$;

CREATE FUNCTION uuid_generate_v5(namespace uuid, name text) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1
AS $$ BEGIN RETURN pg_catalog.md5(name || namespace::text)::uuid; END $$;
