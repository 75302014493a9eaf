-- Every kind of column, index and table that has statistics of its own; PostgreSQL 14 and newer.
CREATE TYPE mood AS ENUM ('sad','ok','glad');
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE DOMAIN ctext AS text COLLATE "C";
CREATE TYPE frange AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE k (
 id bigint PRIMARY KEY, t text, tc text COLLATE "C", v varchar(30), bp char(8), n numeric(12,3), r real, f float8, b bool,
 d date, ts timestamptz, iv interval, u uuid, m mood, p posint, ct ctext, fr frange, ir int4range, tr tstzrange, mr int4multirange,
 ia int[], ta text[], tca text[] COLLATE "C", ma mood[], pa posint[], tv tsvector, j jsonb, js json, by bytea, ip inet, c cidr, mac macaddr, bt bit(8), pr pair,
 pt point, o oid, nm name, ch "char", xx xid, nul text, g int GENERATED ALWAYS AS (length(t)) STORED, "Od""d" int, big text, mo money, tt time, er int4range, ur tstzrange);
ALTER TABLE k ALTER big SET STORAGE EXTERNAL;
CREATE INDEX k_gin_j ON k USING gin (j);
CREATE INDEX k_gin_jp ON k USING gin (j jsonb_path_ops);
CREATE INDEX k_gin_ta ON k USING gin (ta);
CREATE INDEX k_gin_tv ON k USING gin (tv) WITH (fastupdate=off);
CREATE INDEX k_gin_e ON k USING gin (to_tsvector('simple', t));
CREATE INDEX k_gist_tr ON k USING gist (tr);
CREATE INDEX k_gist_e ON k USING gist (to_tsvector('simple', v));
CREATE INDEX k_gist_pt ON k USING gist (pt);
CREATE INDEX k_spg_ir ON k USING spgist (ir);
CREATE INDEX k_spg_t ON k USING spgist (t);
CREATE INDEX k_brin_ts ON k USING brin (ts) WITH (pages_per_range=1);
CREATE INDEX k_brin_id ON k USING brin (id);
CREATE INDEX k_hash_u ON k USING hash (u);
CREATE INDEX k_part ON k (d) WHERE b;
CREATE INDEX k_incl ON k (n) INCLUDE (f);
CREATE INDEX k_lower ON k (lower(t), (n*2));
CREATE INDEX k_cc ON k (t COLLATE "C");
CREATE INDEX k_pat ON k (v varchar_pattern_ops);
CREATE INDEX k_nm ON k ((nm::text));
CREATE INDEX k_multi ON k (m, d DESC, p);
CREATE TABLE par (id int, a int, b int, at date) PARTITION BY RANGE (at);
CREATE TABLE par1 PARTITION OF par FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE par2 PARTITION OF par FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE INDEX par_a ON par (a);
CREATE TABLE inh (id int, a int, b text);
CREATE TABLE inh_c (c int) INHERITS (inh);
CREATE INDEX inh_a ON inh (a); CREATE INDEX inh_ca ON inh_c (a);
CREATE MATERIALIZED VIEW mv AS SELECT m, d, count(*) AS n FROM k GROUP BY 1, 2 WITH NO DATA;
CREATE INDEX mv_d ON mv (d);
CREATE UNLOGGED TABLE ul (id int PRIMARY KEY, a int);
CREATE TABLE never (id int PRIMARY KEY, a text);
CREATE TABLE neversmall (id int PRIMARY KEY, a text);
CREATE TABLE empty (id int PRIMARY KEY);
CREATE TABLE emptya (id int PRIMARY KEY);
CREATE TABLE bloat (id int PRIMARY KEY, a int, b text);
CREATE INDEX bloat_p ON bloat (a) WHERE a < 500;
CREATE TABLE filling (id int PRIMARY KEY, a int, b text) WITH (fillfactor=50);
CREATE TABLE ties (id int PRIMARY KEY, a int, b int, c int);
CREATE INDEX ties_z ON ties (a, b);
CREATE INDEX ties_m ON ties (a, c);
CREATE INDEX ties_b ON ties (a);
CREATE INDEX ties_a ON ties (a);
CREATE STATISTICS st_k (ndistinct, dependencies, mcv) ON t, m, p, b FROM k;
CREATE STATISTICS st_e ON (n*2), lower(t), m FROM k;
CREATE STATISTICS st_e1 ON (p % 7) FROM k;
CREATE STATISTICS st_par ON a, b FROM par;
CREATE STATISTICS st_inh ON a, b FROM inh;
