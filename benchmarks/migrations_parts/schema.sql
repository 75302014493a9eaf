CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE money_amount AS (cents bigint, currency text);
CREATE DOMAIN positive AS integer CHECK (VALUE >= 0);
CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL, country text);
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL,
    status text,
    note varchar(20) NOT NULL,
    code varchar(200) NOT NULL,
    total integer NOT NULL,
    price numeric(10, 2),
    quantity positive NOT NULL,
    happy mood NOT NULL,
    at timestamp NOT NULL,
    placed timestamptz NOT NULL,
    payload json,
    host inet
);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE INDEX orders_code ON orders (code);
CREATE UNIQUE INDEX orders_unique ON orders (id, customer_id);
ALTER TABLE orders ADD CONSTRAINT orders_checked CHECK (total >= 0);
ALTER TABLE orders ADD CONSTRAINT orders_later CHECK (total >= -1) NOT VALID;
ALTER TABLE orders ADD CONSTRAINT orders_status_known CHECK (status IS NOT NULL);
ALTER TABLE orders ADD CONSTRAINT orders_customer_later
    FOREIGN KEY (customer_id) REFERENCES customers NOT VALID;
CREATE TABLE lines (order_id bigint NOT NULL REFERENCES orders, line int NOT NULL, text text);
CREATE TABLE events (id bigint, kind text, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE TABLE archive (id bigint, kind text, at date NOT NULL);
CREATE TABLE checked (id bigint, kind text, at date NOT NULL,
    CONSTRAINT bound CHECK (at >= '2024-01-01' AND at < '2025-01-01'));
CREATE MATERIALIZED VIEW totals AS SELECT customer_id, count(*) FROM orders GROUP BY 1;
CREATE UNIQUE INDEX totals_key ON totals (customer_id);
CREATE VIEW recent AS SELECT id, customer_id FROM orders;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER touched BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch();
