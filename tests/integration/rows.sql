CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100000);
CREATE TABLE tenants (id int PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE people (
  tenant_id int NOT NULL REFERENCES tenants, id int NOT NULL, email varchar(60) NOT NULL,
  mood mood NOT NULL, vip boolean NOT NULL, boss_id int, code uuid UNIQUE,
  born date, at timestamptz NOT NULL, score numeric(10,2), tags text[], during daterange,
  facts jsonb, share percent, note text, twice int GENERATED ALWAYS AS (id * 2) STORED,
  PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, boss_id) REFERENCES people (tenant_id, id));
CREATE INDEX people_mood ON people (mood, at);
CREATE UNIQUE INDEX people_email ON people (lower(email));
CREATE TABLE things (tenant_id int NOT NULL, id int NOT NULL, label text NOT NULL,
  PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id) REFERENCES tenants);
CREATE TABLE owned (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id int NOT NULL,
  person_id int NOT NULL, thing_id int NOT NULL, status text NOT NULL, placed timestamptz NOT NULL,
  rank int NOT NULL, height int NOT NULL, pad text NOT NULL,
  FOREIGN KEY (tenant_id, person_id) REFERENCES people,
  FOREIGN KEY (tenant_id, thing_id) REFERENCES things);
CREATE INDEX owned_placed ON owned (placed);
CREATE TABLE links (person_tenant int NOT NULL, person int NOT NULL, owned bigint NOT NULL
  REFERENCES owned, PRIMARY KEY (person_tenant, person, owned),
  FOREIGN KEY (person_tenant, person) REFERENCES people);
CREATE TABLE flags (person_no bigint NOT NULL REFERENCES owned, current boolean NOT NULL);
CREATE UNIQUE INDEX flags_one ON flags (person_no) WHERE current;
CREATE TABLE chickens (id int PRIMARY KEY, egg int);
CREATE TABLE eggs (id int PRIMARY KEY, chicken int NOT NULL REFERENCES chickens);
ALTER TABLE chickens ADD FOREIGN KEY (egg) REFERENCES eggs;
CREATE TABLE lands (code text PRIMARY KEY);
CREATE TABLE towns (id int PRIMARY KEY, land text NOT NULL REFERENCES lands);
CREATE TABLE log (id bigint NOT NULL, at timestamptz NOT NULL, kind text NOT NULL,
  owned bigint REFERENCES owned, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2024-01-01+00') TO ('2025-01-01+00');
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2025-01-01+00') TO ('2026-01-01+00')
  PARTITION BY HASH (id);
CREATE TABLE log_2a PARTITION OF log_2 FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE log_2b PARTITION OF log_2 FOR VALUES WITH (modulus 2, remainder 1);
CREATE TABLE sites (id bigint NOT NULL, land text NOT NULL, PRIMARY KEY (id, land))
  PARTITION BY LIST (land);
CREATE TABLE sites_de PARTITION OF sites FOR VALUES IN ('DE', 'AT');
CREATE TABLE sites_fr PARTITION OF sites FOR VALUES IN ('FR');
CREATE TABLE spread (id bigint PRIMARY KEY, x int) PARTITION BY HASH (id);
CREATE TABLE spread_0 PARTITION OF spread FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE spread_1 PARTITION OF spread FOR VALUES WITH (modulus 2, remainder 1);
CREATE TABLE of_log (id int PRIMARY KEY, log_id bigint NOT NULL, log_at timestamptz NOT NULL,
  spread_id bigint NOT NULL REFERENCES spread, FOREIGN KEY (log_id, log_at) REFERENCES log);
CREATE TABLE rooms (id int PRIMARY KEY, during tstzrange NOT NULL,
  EXCLUDE USING gist (during WITH &&));
CREATE MATERIALIZED VIEW sums AS SELECT status, count(*) AS n FROM owned GROUP BY status;
