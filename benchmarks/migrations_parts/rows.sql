INSERT INTO customers SELECT n, 'c' || n || '@example.com', 'DE' FROM generate_series(1, {rows} / 10) n;
ALTER TABLE orders DISABLE TRIGGER ALL;
INSERT INTO orders SELECT n, 1 + n % ({rows} / 10), 'open', 'n' || n % 100, 'code' || n, n % 1000, 1.5, 3,
    'good', '2026-01-01'::timestamp + n * interval '1 second', '2026-01-01'::timestamptz
    + n * interval '1 second', '{{}}', '10.0.0.1' FROM generate_series(1, {rows}) n;
ALTER TABLE orders ENABLE TRIGGER ALL;
ALTER TABLE lines DISABLE TRIGGER ALL;
INSERT INTO lines SELECT n, 1, 'line' FROM generate_series(1, {rows} / 10) n;
ALTER TABLE lines ENABLE TRIGGER ALL;
INSERT INTO events SELECT n, 'view', '2026-01-01'::date + n % 400 FROM generate_series(1, {rows} / 10) n;
INSERT INTO archive SELECT n, 'view', '2023-01-01'::date + n % 300 FROM generate_series(1, {rows} / 10) n;
INSERT INTO checked SELECT n, 'view', '2024-01-01'::date + n % 300 FROM generate_series(1, {rows} / 10) n;
REFRESH MATERIALIZED VIEW totals;
ANALYZE;
