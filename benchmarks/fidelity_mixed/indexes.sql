ALTER TABLE mixed.accounts ADD PRIMARY KEY (id);
CREATE UNIQUE INDEX accounts_email_key ON mixed.accounts (lower(email));
CREATE INDEX accounts_id_email_idx ON mixed.accounts (country, status) INCLUDE (id, email);
CREATE INDEX accounts_suspended_idx ON mixed.accounts (created_at) WHERE status = 'suspended';
CREATE INDEX accounts_created_idx ON mixed.accounts (created_at DESC, id);
CREATE INDEX accounts_tags_idx ON mixed.accounts USING gin (tags);
CREATE INDEX accounts_settings_idx ON mixed.accounts USING gin (settings jsonb_path_ops);
CREATE INDEX accounts_referral_idx ON mixed.accounts USING hash (referral_code);
CREATE INDEX accounts_plan_idx ON mixed.accounts ((settings ->> 'plan'), balance);
CREATE INDEX accounts_name_idx ON mixed.accounts (last_name text_pattern_ops, first_name);
CREATE STATISTICS mixed.accounts_money (ndistinct, dependencies, mcv) ON country, currency FROM mixed.accounts;
CREATE STATISTICS mixed.accounts_day ON (date_trunc('month', created_at AT TIME ZONE 'UTC')) FROM mixed.accounts;

ALTER TABLE mixed.events ADD PRIMARY KEY (id, happened_at);
CREATE INDEX events_account_idx ON mixed.events (account_id, happened_at DESC);
CREATE INDEX events_brin_idx ON mixed.events USING brin (happened_at);
CREATE INDEX events_errors_idx ON mixed.events (happened_at) WHERE kind = 'error';
CREATE INDEX events_payload_idx ON mixed.events_2026_06 USING gin (payload);

ALTER TABLE mixed.orders ADD PRIMARY KEY (id, region, account_id);
CREATE INDEX orders_account_idx ON mixed.orders (account_id, placed_at DESC);
CREATE INDEX orders_placed_idx ON mixed.orders (placed_at);
CREATE INDEX orders_open_idx ON mixed.orders (placed_at) WHERE state IN ('open', 'paid');
ALTER TABLE mixed.order_lines ADD PRIMARY KEY (order_id, line);
CREATE INDEX order_lines_product_idx ON mixed.order_lines (product_id) INCLUDE (quantity, price);

ALTER TABLE mixed.products ADD PRIMARY KEY (id);
CREATE UNIQUE INDEX products_sku_key ON mixed.products (sku);
CREATE INDEX products_category_idx ON mixed.products (category_id, price);
CREATE INDEX products_brand_idx ON mixed.products (brand);
CREATE INDEX products_words_idx ON mixed.products USING gin (words);
CREATE INDEX products_related_idx ON mixed.products USING gin (related);
CREATE INDEX products_attributes_idx ON mixed.products USING gin (attributes);
CREATE INDEX products_weight_idx ON mixed.products USING gist (weight);
CREATE STATISTICS mixed.products_kind (dependencies, ndistinct, mcv) ON brand, category_id FROM mixed.products;

ALTER TABLE mixed.bookings ADD PRIMARY KEY (id);
CREATE INDEX bookings_during_idx ON mixed.bookings USING gist (during);
CREATE INDEX bookings_seats_idx ON mixed.bookings USING spgist (seats);
CREATE INDEX bookings_room_idx ON mixed.bookings (room_id, lower(during));

ALTER TABLE mixed.readings ADD PRIMARY KEY (id);
CREATE INDEX readings_at_brin ON mixed.readings USING brin (read_at) WITH (pages_per_range = 32);
CREATE INDEX readings_device_idx ON mixed.readings (device_id, read_at);
CREATE INDEX readings_value_idx ON mixed.readings (value) WHERE quality IS NULL;

CREATE INDEX sessions_token_idx ON mixed.sessions USING hash (token);
CREATE INDEX sessions_account_idx ON mixed.sessions (account_id);
CREATE INDEX sessions_ip_idx ON mixed.sessions USING gist (ip inet_ops);
CREATE INDEX sessions_agent_idx ON mixed.sessions (agent, started_at);

ALTER TABLE mixed.tickets ADD PRIMARY KEY (id);
CREATE INDEX tickets_open_idx ON mixed.tickets (priority, due) WHERE open;
CREATE INDEX tickets_assignee_idx ON mixed.tickets (assignee, due DESC NULLS LAST);
CREATE INDEX tickets_account_idx ON mixed.tickets (account_id);
CREATE INDEX tickets_due_idx ON mixed.tickets (due);
CREATE INDEX employees_manager_idx ON mixed.employees (manager_id);

ALTER TABLE mixed.notes ADD PRIMARY KEY (id);
ALTER TABLE mixed.notes_public ADD PRIMARY KEY (id);
ALTER TABLE mixed.notes_internal ADD PRIMARY KEY (id);
CREATE INDEX notes_account_idx ON mixed.notes (account_id);
CREATE INDEX notes_public_account_idx ON mixed.notes_public (account_id);
CREATE INDEX notes_internal_account_idx ON mixed.notes_internal (account_id);

ALTER TABLE mixed.ledger ADD PRIMARY KEY (id);
CREATE INDEX ledger_account_idx ON mixed.ledger (account_id, booked_on);
CREATE INDEX ledger_booked_idx ON mixed.ledger (booked_on);
CREATE INDEX ledger_labels_idx ON mixed.ledger USING gin (labels);
CREATE INDEX never_used_account_idx ON mixed.never_used (account_id);

ALTER TABLE mixed.accounts ADD FOREIGN KEY (country) REFERENCES mixed.countries;
ALTER TABLE mixed.products ADD FOREIGN KEY (category_id) REFERENCES mixed.categories;
ALTER TABLE mixed.tickets ADD FOREIGN KEY (account_id) REFERENCES mixed.accounts;
ALTER TABLE mixed.sessions ADD FOREIGN KEY (account_id) REFERENCES mixed.accounts;

CREATE MATERIALIZED VIEW mixed.account_totals AS
SELECT account_id, region, count(*) AS orders, sum(total) AS total, max(placed_at) AS last_at
FROM mixed.orders GROUP BY account_id, region;
CREATE UNIQUE INDEX account_totals_key ON mixed.account_totals (account_id, region);
CREATE INDEX account_totals_total_idx ON mixed.account_totals (total DESC);
CREATE VIEW mixed.good_accounts AS
SELECT * FROM mixed.accounts WHERE status = 'active' AND balance >= 0;
DROP SCHEMA maker CASCADE;
