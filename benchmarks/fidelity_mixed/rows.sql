-- Rows made in the server, the same ones every time: maker.u(seed, n) is a fixed number between 0
-- and 1. Powers of it make few keys frequent. :scale is 1 for 12 million rows.
INSERT INTO mixed.countries
SELECT chr(65 + i / 14) || chr(65 + i % 14), 'Country ' || i, i % 7
FROM generate_series(0, 195) AS i;

INSERT INTO mixed.categories
SELECT i, CASE WHEN i > 20 THEN 1 + (i * 7) % 20 END, 'Category ' || i
FROM generate_series(1, 500) AS i;

INSERT INTO mixed.accounts (email, status, country, currency, balance, created_at, settings, tags,
                            referral_code, first_name, last_name)
SELECT 'user' || i || '@' || (ARRAY['example.com', 'mail.test', 'corp.example', 'uni.example'])
           [1 + floor(4 * maker.u(1, i) ^ 2)::int],
       (CASE WHEN maker.u(2, i) < 0.86 THEN 'active' WHEN maker.u(2, i) < 0.96 THEN 'trial'
             WHEN maker.u(2, i) < 0.965 THEN 'suspended' ELSE 'closed' END)::mixed.account_status,
       chr(65 + c / 14) || chr(65 + c % 14),
       'C' || (c / 4),
       round((1000 * maker.u(4, i) ^ 4)::numeric, 2),
       '2022-01-01 00:00+00'::timestamptz + maker.u(5, i) ^ 0.5 * interval '1600 days',
       jsonb_build_object('plan', (ARRAY['free', 'team', 'pro', 'enterprise'])
                                      [1 + floor(4 * maker.u(6, i) ^ 3)::int],
                          'seats', floor(50 * maker.u(7, i) ^ 3),
                          'beta', maker.u(8, i) < 0.02,
                          'theme', CASE WHEN maker.u(9, i) < 0.3 THEN 'dark' ELSE 'light' END),
       ARRAY(SELECT 'tag' || floor(200 * maker.u(100 + k, i) ^ 3)::int
             FROM generate_series(1, floor(6 * maker.u(10, i))::int) AS k),
       CASE WHEN maker.u(11, i) < 0.15 THEN upper(substr(md5('r' || floor(5000 * maker.u(12, i))), 1, 8)) END,
       (ARRAY['Ada', 'Ben', 'Chloe', 'Dora', 'Emil', 'Fay', 'Gil', 'Hana'])[1 + floor(8 * maker.u(13, i) ^ 2)::int],
       'Name' || floor(30000 * maker.u(14, i) ^ 2)::int
FROM generate_series(1, (400000 * :scale)::int) AS i,
     LATERAL (SELECT floor(196 * maker.u(3, i) ^ 3)::int AS c) AS country;

INSERT INTO mixed.events
SELECT i,
       1 + floor(400000 * :scale * maker.u(21, i) ^ 3)::bigint,
       (ARRAY['view', 'click', 'login', 'purchase', 'error', 'refund'])
           [1 + floor(6 * maker.u(22, i) ^ 3)::int],
       '2026-01-01 00:00+00'::timestamptz + (i / (4000000.0 * :scale)) ^ 0.7 * interval '200 days'
           + maker.u(23, i) * interval '2 hours',
       jsonb_build_object('page', '/p/' || floor(900 * maker.u(24, i) ^ 2)::int,
                          'ms', floor(3000 * maker.u(25, i) ^ 4)::int),
       CASE WHEN maker.u(22, i) > 0.9 THEN round((500 * maker.u(26, i) ^ 2)::numeric, 2) END
FROM generate_series(1, (4000000 * :scale)::int) AS i;

INSERT INTO mixed.orders
SELECT i,
       (ARRAY['eu', 'us', 'uk', 'jp', 'br', 'in'])[1 + floor(6 * maker.u(31, i) ^ 2)::int],
       1 + floor(400000 * :scale * maker.u(32, i) ^ 2)::bigint,
       (CASE WHEN maker.u(33, i) < 0.80 THEN 'shipped' WHEN maker.u(33, i) < 0.93 THEN 'paid'
             WHEN maker.u(33, i) < 0.95 THEN 'returned' WHEN maker.u(33, i) < 0.953 THEN 'open'
             ELSE 'cart' END)::mixed.order_state,
       floor(100000 * maker.u(34, i) ^ 3)::bigint,
       '2024-01-01 00:00+00'::timestamptz + (i / (1000000.0 * :scale)) * interval '900 days',
       CASE WHEN maker.u(35, i) < 0.1 THEN 'gift for ' || floor(100 * maker.u(36, i))::int END
FROM generate_series(1, (1000000 * :scale)::int) AS i;

INSERT INTO mixed.order_lines
SELECT 1 + i / 3, 1 + i % 3, 1 + floor(50000 * :scale * maker.u(41, i) ^ 2)::int,
       1 + floor(9 * maker.u(42, i) ^ 4)::int, floor(20000 * maker.u(43, i) ^ 2)::bigint
FROM generate_series(0, (2500000 * :scale)::int - 1) AS i;

INSERT INTO mixed.products (id, sku, name, brand, category_id, price, weight, related, attributes, active)
SELECT i, 'SKU-' || lpad(i::text, 8, '0'),
       (ARRAY['red', 'green', 'blue', 'large', 'small', 'steel', 'wooden', 'paper'])
           [1 + floor(8 * maker.u(51, i))::int] || ' '
       || (ARRAY['lamp', 'chair', 'table', 'pen', 'book', 'kettle', 'rope', 'clock', 'mirror'])
           [1 + floor(9 * maker.u(52, i) ^ 2)::int],
       'brand' || floor(400 * maker.u(53, i) ^ 2)::int,
       1 + floor(500 * maker.u(53, i) ^ 2)::int,
       floor(50000 * maker.u(55, i) ^ 2)::bigint,
       int4range(floor(100 * maker.u(56, i))::int, 100 + floor(400 * maker.u(57, i) ^ 2)::int),
       ARRAY(SELECT 1 + floor(50000 * :scale * maker.u(150 + k, i) ^ 2)::int
             FROM generate_series(1, 1 + floor(5 * maker.u(58, i))::int) AS k),
       jsonb_build_object('colour', (ARRAY['red', 'green', 'blue', 'black'])[1 + floor(4 * maker.u(59, i) ^ 2)::int],
                          'stock', floor(300 * maker.u(60, i) ^ 2)::int),
       maker.u(61, i) < 0.9
FROM generate_series(1, (50000 * :scale)::int) AS i;

INSERT INTO mixed.bookings
SELECT i, 1 + floor(800 * maker.u(71, i) ^ 2)::int,
       tstzrange(start, start + (1 + floor(72 * maker.u(73, i) ^ 3)) * interval '1 hour'),
       'guest' || floor(90000 * maker.u(74, i))::int,
       int4range(floor(40 * maker.u(75, i))::int, 41 + floor(20 * maker.u(76, i))::int)
FROM generate_series(1, (400000 * :scale)::int) AS i,
     LATERAL (SELECT '2025-01-01 00:00+00'::timestamptz
                  + maker.u(72, i) ^ 0.5 * interval '560 days' AS start) AS s;

INSERT INTO mixed.readings
SELECT i, 1 + floor(2000 * maker.u(81, i) ^ 2)::int,
       '2026-01-01 00:00+00'::timestamptz + i * interval '6 seconds' / :scale,
       20 + 15 * sin(i / 3000.0) + 3 * maker.u(82, i),
       CASE WHEN maker.u(83, i) < 0.97 THEN floor(5 * maker.u(84, i) ^ 3)::smallint END
FROM generate_series(1, (2500000 * :scale)::int) AS i;

INSERT INTO mixed.sessions
SELECT md5('s' || i)::uuid, 1 + floor(400000 * :scale * maker.u(91, i) ^ 2)::bigint,
       '2026-06-01 00:00+00'::timestamptz + maker.u(92, i) * interval '30 days',
       ('10.' || floor(20 * maker.u(93, i) ^ 2)::int || '.' || floor(256 * maker.u(94, i))::int || '.'
           || floor(256 * maker.u(95, i))::int)::inet,
       'agent/' || floor(40 * maker.u(96, i) ^ 3)::int
FROM generate_series(1, (300000 * :scale)::int) AS i;

INSERT INTO mixed.tickets
SELECT i, 1 + floor(400000 * :scale * maker.u(201, i))::bigint,
       CASE WHEN maker.u(202, i) < 0.6 THEN 1 + floor(20000 * :scale * maker.u(203, i) ^ 4)::int END,
       1 + floor(5 * maker.u(204, i) ^ 0.3)::smallint, maker.u(205, i) < 0.03,
       CASE WHEN maker.u(206, i) < 0.8 THEN '2026-01-01'::date + floor(200 * maker.u(207, i))::int END,
       'subject ' || floor(5000 * maker.u(208, i) ^ 2)::int
FROM generate_series(1, (200000 * :scale)::int) AS i;

INSERT INTO mixed.employees
SELECT i, nullif(i / 6, 0), 'Employee ' || i, 30000 + floor(90000 * maker.u(211, i) ^ 3)::int
FROM generate_series(1, (20000 * :scale)::int) AS i;

INSERT INTO mixed.notes
SELECT i, 1 + floor(400000 * :scale * maker.u(221, i) ^ 2)::bigint,
       '2025-01-01 00:00+00'::timestamptz + i * interval '2 minutes', repeat('note ', 1 + i % 20)
FROM generate_series(1, (50000 * :scale)::int) AS i;
INSERT INTO mixed.notes_public
SELECT i, 1 + floor(400000 * :scale * maker.u(222, i) ^ 2)::bigint,
       '2025-01-01 00:00+00'::timestamptz + i * interval '1 minute', repeat('public ', 1 + i % 30),
       maker.u(223, i) < 0.4
FROM generate_series(50001, (50000 + 100000 * :scale)::int) AS i;
INSERT INTO mixed.notes_internal
SELECT i, 1 + floor(40000 * :scale * maker.u(224, i))::bigint,
       '2025-03-01 00:00+00'::timestamptz + i * interval '1 minute', 'internal',
       (ARRAY['sales', 'legal', 'support'])[1 + floor(3 * maker.u(225, i) ^ 2)::int]
FROM generate_series(200001, (200000 + 50000 * :scale)::int) AS i;

INSERT INTO mixed.ledger
SELECT i, 1 + floor(400000 * :scale * maker.u(231, i) ^ 2)::bigint,
       '2024-01-01'::date + (i / (400 * :scale))::int, round((900 * maker.u(232, i) ^ 3)::numeric, 2),
       ARRAY['l' || floor(60 * maker.u(233, i) ^ 2)::int, 'm' || floor(9 * maker.u(234, i))::int]
FROM generate_series(1, (300000 * :scale)::int) AS i;

INSERT INTO mixed.imports_raw
SELECT 'line ' || md5(i::text), i, '2026-06-30 00:00+00'
FROM generate_series(1, (100000 * :scale)::int) AS i;
