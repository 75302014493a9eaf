-- Tables of a shop with sensors, bookings and notes: one of everything the planner treats
-- differently. Keys of the large tables are in indexes.sql, after the rows.
CREATE SCHEMA mixed;
CREATE SCHEMA maker;
CREATE FUNCTION maker.u(seed integer, n bigint) RETURNS float8
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT ((hashint8extended(n, seed) >> 12) & 4503599627370495)::float8 / 4503599627370496';

CREATE TYPE mixed.account_status AS ENUM ('active', 'trial', 'suspended', 'closed');
CREATE TYPE mixed.order_state AS ENUM ('cart', 'open', 'paid', 'shipped', 'returned');
CREATE DOMAIN mixed.country_code AS text CHECK (VALUE ~ '^[A-Z]{2}$');
CREATE DOMAIN mixed.cents AS bigint CHECK (VALUE >= 0);

CREATE TABLE mixed.countries (code mixed.country_code PRIMARY KEY, name text NOT NULL, zone integer);
CREATE TABLE mixed.categories (
    id integer PRIMARY KEY, parent_id integer REFERENCES mixed.categories, name text NOT NULL
);
CREATE TABLE mixed.accounts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    email text NOT NULL,
    status mixed.account_status NOT NULL,
    country mixed.country_code NOT NULL,
    currency text NOT NULL,
    balance numeric(12, 2) NOT NULL,
    created_at timestamptz NOT NULL,
    settings jsonb NOT NULL,
    tags text[] NOT NULL,
    referral_code text,
    first_name text NOT NULL,
    last_name text NOT NULL,
    full_name text GENERATED ALWAYS AS (first_name || ' ' || last_name) STORED
);
CREATE TABLE mixed.events (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    kind text NOT NULL,
    happened_at timestamptz NOT NULL,
    payload jsonb NOT NULL,
    amount numeric(10, 2)
) PARTITION BY RANGE (happened_at);
CREATE TABLE mixed.events_2026_01 PARTITION OF mixed.events
    FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2026-02-01 00:00+00');
CREATE TABLE mixed.events_2026_02 PARTITION OF mixed.events
    FOR VALUES FROM ('2026-02-01 00:00+00') TO ('2026-03-01 00:00+00');
CREATE TABLE mixed.events_2026_03 PARTITION OF mixed.events
    FOR VALUES FROM ('2026-03-01 00:00+00') TO ('2026-04-01 00:00+00');
CREATE TABLE mixed.events_2026_04 PARTITION OF mixed.events
    FOR VALUES FROM ('2026-04-01 00:00+00') TO ('2026-05-01 00:00+00');
CREATE TABLE mixed.events_2026_05 PARTITION OF mixed.events
    FOR VALUES FROM ('2026-05-01 00:00+00') TO ('2026-06-01 00:00+00');
CREATE TABLE mixed.events_2026_06 PARTITION OF mixed.events
    FOR VALUES FROM ('2026-06-01 00:00+00') TO ('2026-07-01 00:00+00');
CREATE TABLE mixed.events_later PARTITION OF mixed.events DEFAULT;
CREATE TABLE mixed.orders (
    id bigint NOT NULL,
    region text NOT NULL,
    account_id bigint NOT NULL,
    state mixed.order_state NOT NULL,
    total mixed.cents NOT NULL,
    placed_at timestamptz NOT NULL,
    note text
) PARTITION BY LIST (region);
CREATE TABLE mixed.orders_eu PARTITION OF mixed.orders FOR VALUES IN ('eu', 'uk')
    PARTITION BY HASH (account_id);
CREATE TABLE mixed.orders_eu_0 PARTITION OF mixed.orders_eu FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE mixed.orders_eu_1 PARTITION OF mixed.orders_eu FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE mixed.orders_us PARTITION OF mixed.orders FOR VALUES IN ('us');
CREATE TABLE mixed.orders_rest PARTITION OF mixed.orders DEFAULT;
CREATE TABLE mixed.order_lines (
    order_id bigint NOT NULL,
    line integer NOT NULL,
    product_id integer NOT NULL,
    quantity integer NOT NULL,
    price mixed.cents NOT NULL
) PARTITION BY HASH (order_id);
CREATE TABLE mixed.order_lines_0 PARTITION OF mixed.order_lines
    FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE mixed.order_lines_1 PARTITION OF mixed.order_lines
    FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE mixed.order_lines_2 PARTITION OF mixed.order_lines
    FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE mixed.order_lines_3 PARTITION OF mixed.order_lines
    FOR VALUES WITH (MODULUS 4, REMAINDER 3);
CREATE TABLE mixed.products (
    id integer NOT NULL,
    sku text NOT NULL,
    name text NOT NULL,
    brand text NOT NULL,
    category_id integer NOT NULL,
    price mixed.cents NOT NULL,
    weight int4range NOT NULL,
    related integer[] NOT NULL,
    attributes jsonb NOT NULL,
    words tsvector GENERATED ALWAYS AS (to_tsvector('english', name || ' ' || brand)) STORED,
    active boolean NOT NULL
);
CREATE TABLE mixed.bookings (
    id integer NOT NULL,
    room_id integer NOT NULL,
    during tstzrange NOT NULL,
    guest text NOT NULL,
    seats int4range NOT NULL
);
CREATE TABLE mixed.readings (
    id bigint NOT NULL,
    device_id integer NOT NULL,
    read_at timestamptz NOT NULL,
    value float8 NOT NULL,
    quality smallint
);
CREATE TABLE mixed.sessions (
    token uuid NOT NULL, account_id bigint NOT NULL, started_at timestamptz NOT NULL,
    ip inet NOT NULL, agent text NOT NULL
);
CREATE TABLE mixed.tickets (
    id integer NOT NULL, account_id bigint NOT NULL, assignee integer, priority smallint NOT NULL,
    open boolean NOT NULL, due date, subject text NOT NULL
);
CREATE TABLE mixed.employees (
    id integer PRIMARY KEY, manager_id integer, name text NOT NULL, salary integer NOT NULL
);
CREATE TABLE mixed.notes (
    id integer NOT NULL, account_id bigint NOT NULL, written_at timestamptz NOT NULL, body text
);
CREATE TABLE mixed.notes_public (reviewed boolean) INHERITS (mixed.notes);
CREATE TABLE mixed.notes_internal (department text) INHERITS (mixed.notes);
CREATE TABLE mixed.ledger (
    id integer NOT NULL, account_id bigint NOT NULL, booked_on date NOT NULL,
    amount numeric(12, 2) NOT NULL, labels text[] NOT NULL
);
CREATE TABLE mixed.imports_raw (line text, number integer, at timestamptz);
CREATE TABLE mixed.never_used (id integer PRIMARY KEY, account_id bigint, text text);
