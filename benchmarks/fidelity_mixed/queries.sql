-- name: account by key
SELECT * FROM mixed.accounts WHERE id = 4711

-- name: account by lowered email (expression index)
SELECT id, full_name FROM mixed.accounts WHERE lower(email) = 'user4711@example.com'

-- name: suspended accounts (partial index)
SELECT id, email FROM mixed.accounts WHERE status = 'suspended' AND created_at >= '2025-01-01 00:00+00'

-- name: rare status (enum)
SELECT count(*) FROM mixed.accounts WHERE status = 'closed'

-- name: two statuses by name (enum list)
SELECT status, count(*) FROM mixed.accounts WHERE status IN ('trial', 'closed') GROUP BY status

-- name: country and status (index-only with INCLUDE)
SELECT id, email FROM mixed.accounts WHERE country = 'AC' AND status = 'trial'

-- name: country and currency (extended statistics)
SELECT count(*) FROM mixed.accounts WHERE country = 'AA' AND currency = 'C0'

-- name: rare country and its currency (extended statistics)
SELECT id, balance FROM mixed.accounts WHERE country = 'CE' AND currency = 'C8'

-- name: groups of country and currency (ndistinct)
SELECT country, currency, sum(balance) FROM mixed.accounts GROUP BY country, currency

-- name: accounts per month (expression statistics)
SELECT date_trunc('month', created_at AT TIME ZONE 'UTC') AS month, count(*)
FROM mixed.accounts GROUP BY 1 ORDER BY 1

-- name: newest accounts (descending multi-column index)
SELECT id, email FROM mixed.accounts ORDER BY created_at DESC, id LIMIT 50

-- name: keyset page
SELECT id, email, created_at FROM mixed.accounts
WHERE created_at < '2024-06-01 00:00+00' ORDER BY created_at DESC, id LIMIT 50

-- name: one tag (GIN on an array)
SELECT id FROM mixed.accounts WHERE tags @> ARRAY['tag3']

-- name: two tags (GIN on an array)
SELECT id, email FROM mixed.accounts WHERE tags @> ARRAY['tag150', 'tag90']

-- name: any of some tags (GIN overlap)
SELECT count(*) FROM mixed.accounts WHERE tags && ARRAY['tag199', 'tag198', 'tag197']

-- name: beta testers (GIN jsonb_path_ops)
SELECT id FROM mixed.accounts WHERE settings @> '{"beta": true}'

-- name: enterprise in the dark (jsonb containment and plan expression)
SELECT id, balance FROM mixed.accounts
WHERE settings @> '{"theme": "dark"}' AND settings ->> 'plan' = 'enterprise' AND balance > 900

-- name: referral (hash index)
SELECT id FROM mixed.accounts WHERE referral_code = 'A1B2C3D4'

-- name: names by prefix (text_pattern_ops)
SELECT id, full_name FROM mixed.accounts WHERE last_name LIKE 'Name12%'

-- name: names by infix
SELECT id, full_name FROM mixed.accounts WHERE last_name LIKE '%99%'

-- name: accounts of a zone (domain join)
SELECT c.name, count(*) FROM mixed.accounts a JOIN mixed.countries c ON c.code = a.country
WHERE c.zone = 3 GROUP BY c.name

-- name: view of good accounts
SELECT id, email FROM mixed.good_accounts WHERE country = 'AB' AND balance > 990

-- name: events of one account, all partitions
SELECT * FROM mixed.events WHERE account_id = 17 ORDER BY happened_at DESC LIMIT 20

-- name: events of a busy account in one month (pruned)
SELECT kind, count(*) FROM mixed.events
WHERE account_id = 1 AND happened_at >= '2026-03-01 00:00+00' AND happened_at < '2026-04-01 00:00+00'
GROUP BY kind

-- name: a day of events (BRIN or parallel scan)
SELECT count(*) FROM mixed.events
WHERE happened_at >= '2026-02-10 00:00+00' AND happened_at < '2026-02-11 00:00+00'

-- name: errors of a week (partial index)
SELECT account_id, happened_at FROM mixed.events
WHERE kind = 'error' AND happened_at >= '2026-04-01 00:00+00' AND happened_at < '2026-04-08 00:00+00'

-- name: revenue by kind (parallel partitionwise append)
SELECT kind, sum(amount), avg(amount) FROM mixed.events GROUP BY kind

-- name: page of an event (GIN on jsonb of one partition)
SELECT id FROM mixed.events_2026_06 WHERE payload @> '{"page": "/p/640"}'

-- name: latest events over all partitions (merge append)
SELECT id, kind, happened_at FROM mixed.events ORDER BY account_id, happened_at DESC LIMIT 100

-- name: accounts with refunds (semi join)
SELECT a.id, a.email FROM mixed.accounts a
WHERE a.country = 'AG' AND EXISTS (
    SELECT FROM mixed.events e WHERE e.account_id = a.id AND e.kind = 'refund')

-- name: accounts without events (anti join)
SELECT count(*) FROM mixed.accounts a
WHERE NOT EXISTS (SELECT FROM mixed.events e WHERE e.account_id = a.id)

-- name: trial accounts without orders (anti join, filtered)
SELECT a.id FROM mixed.accounts a
WHERE a.status = 'trial' AND a.created_at > '2026-01-01 00:00+00'
  AND NOT EXISTS (SELECT FROM mixed.orders o WHERE o.account_id = a.id)

-- name: not in a list
SELECT count(*) FROM mixed.products
WHERE id NOT IN (SELECT product_id FROM mixed.order_lines WHERE quantity > 8)

-- name: orders of an account in a region (list and hash partitions)
SELECT id, total FROM mixed.orders WHERE region = 'eu' AND account_id = 4242 ORDER BY placed_at DESC

-- name: orders of a region
SELECT state, count(*), sum(total) FROM mixed.orders WHERE region = 'us' GROUP BY state

-- name: open orders of a month (partial index on partitions)
SELECT id, account_id FROM mixed.orders
WHERE state IN ('open', 'paid') AND placed_at >= '2026-05-01 00:00+00' ORDER BY placed_at LIMIT 30

-- name: an order with its lines and products
SELECT o.id, l.line, p.name, l.quantity FROM mixed.orders o
JOIN mixed.order_lines l ON l.order_id = o.id
JOIN mixed.products p ON p.id = l.product_id
WHERE o.id = 123456 AND o.region = 'jp'

-- name: lines of orders of an account (nested loops)
SELECT o.id, sum(l.quantity * l.price) FROM mixed.orders o
JOIN mixed.order_lines l ON l.order_id = o.id
WHERE o.account_id = 77 GROUP BY o.id

-- name: sales by brand (hash joins over partitions)
SELECT p.brand, sum(l.quantity) AS sold FROM mixed.order_lines l
JOIN mixed.products p ON p.id = l.product_id
WHERE p.category_id BETWEEN 10 AND 40 GROUP BY p.brand ORDER BY sold DESC LIMIT 10

-- name: best products (index-only on partitions)
SELECT product_id, sum(quantity), sum(price) FROM mixed.order_lines
WHERE product_id < 40 GROUP BY product_id

-- name: products of recent lines
SELECT p.name, c.name FROM mixed.order_lines_1 l
JOIN mixed.products p ON p.id = l.product_id JOIN mixed.categories c ON c.id = p.category_id
WHERE l.order_id BETWEEN 5000 AND 15000

-- name: memoized cheapest of the category (lateral)
SELECT p.id, o.id FROM mixed.products p
CROSS JOIN LATERAL (
    SELECT id FROM mixed.products o WHERE o.category_id = p.category_id
    ORDER BY o.price LIMIT 1) o
WHERE p.active

-- name: last three orders of new accounts (lateral)
SELECT a.id, o.id, o.total FROM mixed.accounts a
LEFT JOIN LATERAL (
    SELECT id, total FROM mixed.orders o WHERE o.account_id = a.id
    ORDER BY placed_at DESC LIMIT 3) o ON true
WHERE a.created_at > '2026-04-20 00:00+00'

-- name: merge join of keys
SELECT count(*) FROM mixed.accounts a JOIN mixed.account_totals t ON t.account_id = a.id
WHERE a.balance > 10

-- name: merge join in order
SELECT a.id, t.total FROM mixed.accounts a JOIN mixed.account_totals t ON t.account_id = a.id
ORDER BY a.id LIMIT 1000

-- name: full join of totals
SELECT count(*) FROM mixed.account_totals t
FULL JOIN mixed.ledger l ON l.account_id = t.account_id AND l.amount = t.total

-- name: richest accounts of the matview (index order)
SELECT account_id, total FROM mixed.account_totals ORDER BY total DESC LIMIT 20

-- name: incremental sort of readings
SELECT device_id, read_at, value FROM mixed.readings ORDER BY device_id, value LIMIT 500

-- name: incremental sort over an index of accounts
SELECT id, created_at, balance FROM mixed.accounts ORDER BY created_at DESC, balance LIMIT 200

-- name: readings of an hour (BRIN)
SELECT avg(value) FROM mixed.readings
WHERE read_at >= '2026-03-01 00:00+00' AND read_at < '2026-03-01 01:00+00'

-- name: readings of ten days (BRIN)
SELECT device_id, max(value) FROM mixed.readings
WHERE read_at >= '2026-03-01 00:00+00' AND read_at < '2026-03-11 00:00+00' GROUP BY device_id

-- name: readings of a device in a day
SELECT read_at, value FROM mixed.readings
WHERE device_id = 44 AND read_at >= '2026-03-01 00:00+00' AND read_at < '2026-03-02 00:00+00'

-- name: readings since the end of the statistics
SELECT count(*) FROM mixed.readings WHERE read_at >= '2026-06-23 10:00+00'

-- name: odd readings without quality (partial index)
SELECT id, value FROM mixed.readings WHERE quality IS NULL AND value > 37.5

-- name: devices with their average (parallel hash aggregate)
SELECT device_id, avg(value), count(*) FILTER (WHERE quality > 2) FROM mixed.readings GROUP BY device_id

-- name: moving average (window)
SELECT read_at, avg(value) OVER (ORDER BY read_at ROWS 10 PRECEDING) FROM mixed.readings
WHERE device_id = 3

-- name: rank of orders (window over partitions)
SELECT * FROM (
    SELECT id, account_id, total, row_number() OVER (PARTITION BY account_id ORDER BY total DESC) AS place
    FROM mixed.orders WHERE region IN ('jp', 'br')) ranked
WHERE place <= 2

-- name: overlapping bookings (GiST on a range)
SELECT id, room_id FROM mixed.bookings
WHERE during && tstzrange('2026-05-01 00:00+00', '2026-05-02 00:00+00')

-- name: bookings at an instant in a room (bitmap and)
SELECT id FROM mixed.bookings
WHERE during @> '2026-05-01 12:00+00'::timestamptz AND room_id = 3

-- name: bookings by seats (SP-GiST on a range)
SELECT count(*) FROM mixed.bookings WHERE seats @> int4range(1, 59)

-- name: bookings inside a week (containment)
SELECT count(*) FROM mixed.bookings
WHERE during <@ tstzrange('2025-03-01 00:00+00', '2025-03-08 00:00+00')

-- name: conflicting bookings (range self join)
SELECT a.id, b.id FROM mixed.bookings a JOIN mixed.bookings b
  ON b.room_id = a.room_id AND b.during && a.during AND b.id > a.id
WHERE a.room_id = 700

-- name: words (GIN on tsvector)
SELECT id, name FROM mixed.products WHERE words @@ to_tsquery('english', 'wooden & mirror')

-- name: related products (GIN on int[])
SELECT id FROM mixed.products WHERE related @> ARRAY[7]

-- name: colour and stock (GIN on jsonb)
SELECT id FROM mixed.products WHERE attributes @> '{"colour": "black", "stock": 4}'

-- name: attribute exists (GIN on jsonb)
SELECT count(*) FROM mixed.products WHERE attributes ? 'voltage'

-- name: weights (GiST on int4range)
SELECT id FROM mixed.products WHERE weight << int4range(120, 130)

-- name: brand or category (bitmap or)
SELECT id, name FROM mixed.products WHERE brand = 'brand311' OR category_id = 391

-- name: brand and category (dependencies)
SELECT id, price FROM mixed.products WHERE brand = 'brand12' AND category_id = 16

-- name: cheapest of a category
SELECT id, price FROM mixed.products WHERE category_id = 41 ORDER BY price LIMIT 10

-- name: session by token (hash index on uuid)
SELECT account_id FROM mixed.sessions WHERE token = '0cc175b9-c0f1-b6a8-31c3-99e269772661'

-- name: sessions of a network (GiST on inet)
SELECT count(*) FROM mixed.sessions WHERE ip << '10.19.7.0/24'

-- name: sessions by agent and time
SELECT account_id FROM mixed.sessions WHERE agent = 'agent/39' AND started_at > '2026-06-29 00:00+00'

-- name: tickets due or assigned (bitmap or)
SELECT id FROM mixed.tickets WHERE due = '2026-03-03' OR assignee = 4000

-- name: open tickets by priority (partial index)
SELECT id, subject FROM mixed.tickets WHERE open AND priority = 2 ORDER BY due LIMIT 10

-- name: tickets of an assignee, nulls last
SELECT id FROM mixed.tickets WHERE assignee = 12 ORDER BY due DESC NULLS LAST LIMIT 10

-- name: unassigned tickets
SELECT count(*) FROM mixed.tickets WHERE assignee IS NULL AND due IS NULL

-- name: people below a manager (recursive)
WITH RECURSIVE below AS (
    SELECT id, name, 1 AS depth FROM mixed.employees WHERE manager_id = 3
    UNION ALL
    SELECT e.id, e.name, b.depth + 1 FROM mixed.employees e JOIN below b ON e.manager_id = b.id)
SELECT depth, count(*) FROM below GROUP BY depth

-- name: spenders and tickets (CTE used twice)
WITH spenders AS MATERIALIZED (
    SELECT account_id, sum(total) AS total FROM mixed.orders
    WHERE placed_at >= '2026-01-01 00:00+00' GROUP BY account_id HAVING sum(total) > 100000)
SELECT s.account_id, s.total, (SELECT count(*) FROM mixed.tickets t WHERE t.account_id = s.account_id)
FROM spenders s WHERE s.total > (SELECT avg(total) FROM spenders)

-- name: notes of an account (inheritance)
SELECT tableoid::regclass, id, written_at FROM mixed.notes WHERE account_id = 99

-- name: notes of three tables by time (inheritance)
SELECT count(*) FROM mixed.notes WHERE written_at >= '2025-04-01 00:00+00'

-- name: only the parent's notes
SELECT count(*) FROM ONLY mixed.notes WHERE body LIKE 'note note%'

-- name: grown since analysed: one account
SELECT * FROM mixed.ledger WHERE account_id = 31 ORDER BY booked_on DESC LIMIT 5

-- name: grown since analysed: beyond the statistics
SELECT count(*) FROM mixed.ledger WHERE booked_on >= '2026-03-01'

-- name: grown since analysed: labels (GIN with a pending list)
SELECT id FROM mixed.ledger WHERE labels @> ARRAY['l7', 'm3']

-- name: never analysed
SELECT count(*) FROM mixed.imports_raw WHERE number < 500

-- name: never analysed, joined
SELECT i.line, e.name FROM mixed.imports_raw i JOIN mixed.employees e ON e.id = i.number
WHERE e.salary > 100000

-- name: never used
SELECT * FROM mixed.never_used n JOIN mixed.accounts a ON a.id = n.account_id

-- name: union of sources
SELECT account_id FROM mixed.sessions WHERE started_at < '2026-06-02 00:00+00'
UNION SELECT account_id FROM mixed.tickets WHERE open

-- name: grouping sets
SELECT region, state, count(*), sum(total) FROM mixed.orders
WHERE placed_at >= '2026-01-01 00:00+00' GROUP BY GROUPING SETS ((region, state), (region), ())

-- name: distinct on
SELECT DISTINCT ON (account_id) account_id, id, placed_at FROM mixed.orders
WHERE region = 'uk' ORDER BY account_id, placed_at DESC

-- name: five tables
SELECT c.name, p.brand, count(*) FROM mixed.orders o
JOIN mixed.order_lines l ON l.order_id = o.id
JOIN mixed.products p ON p.id = l.product_id
JOIN mixed.accounts a ON a.id = o.account_id
JOIN mixed.countries c ON c.code = a.country
WHERE o.state = 'returned' AND a.settings ->> 'plan' = 'enterprise' AND p.active
GROUP BY c.name, p.brand

-- name: update of one account's orders
UPDATE mixed.orders SET state = 'paid' WHERE account_id = 900 AND state = 'open'

-- name: delete of old sessions
DELETE FROM mixed.sessions WHERE started_at < '2026-06-01 06:00+00'

-- name: update from a join
UPDATE mixed.tickets t SET priority = 1 FROM mixed.accounts a
WHERE a.id = t.account_id AND a.settings @> '{"beta": true}' AND t.open

-- name: insert of what was selected
INSERT INTO mixed.notes (id, account_id, written_at)
SELECT 900000 + t.id, t.account_id, '2026-06-30 00:00+00' FROM mixed.tickets t WHERE t.due < '2026-01-05'

-- name: first and last by index (min and max)
SELECT min(created_at), max(created_at) FROM mixed.accounts

-- name: keyset page by row comparison
SELECT id, placed_at FROM mixed.orders_us
WHERE (account_id, placed_at) > (3000, '2025-01-01 00:00+00') ORDER BY account_id, placed_at LIMIT 25

-- name: a long list of keys
SELECT id, name FROM mixed.products
WHERE id IN (11, 29, 47, 83, 101, 211, 307, 401, 503, 601, 701, 809, 907, 990, 995, 999)

-- name: keys in an array
SELECT id, email FROM mixed.accounts WHERE id = ANY ('{5,50,500,5000}'::bigint[])

-- name: distinct customers of a month
SELECT count(DISTINCT account_id) FROM mixed.orders
WHERE placed_at >= '2025-11-01 00:00+00' AND placed_at < '2025-12-01 00:00+00'

-- name: dearer than the category's average (correlated)
SELECT id FROM mixed.products p
WHERE active AND price > (SELECT avg(price) FROM mixed.products q WHERE q.category_id = p.category_id)

-- name: values joined to accounts
SELECT v.label, a.balance FROM (VALUES (10, 'a'), (20, 'b'), (30, 'c')) AS v (id, label)
JOIN mixed.accounts a ON a.id = v.id

-- name: days without bookings (series)
SELECT d FROM generate_series('2025-02-01 00:00+00'::timestamptz, '2025-03-01 00:00+00', '1 day') AS d
WHERE NOT EXISTS (SELECT FROM mixed.bookings b WHERE b.during @> d)

-- name: either kind of account (or of exists)
SELECT count(*) FROM mixed.accounts a
WHERE a.country = 'BD' AND (EXISTS (SELECT FROM mixed.tickets t WHERE t.account_id = a.id AND t.open)
                            OR EXISTS (SELECT FROM mixed.sessions s WHERE s.account_id = a.id))

-- name: next ticket to work on (skip locked)
SELECT id FROM mixed.tickets WHERE open AND priority = 3 ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: time between readings (window over an index)
SELECT device_id, read_at - lag(read_at) OVER (PARTITION BY device_id ORDER BY read_at)
FROM mixed.readings WHERE device_id BETWEEN 900 AND 905

-- name: tree of categories (recursive)
WITH RECURSIVE tree AS (
    SELECT id, parent_id, name FROM mixed.categories WHERE parent_id IS NULL
    UNION ALL
    SELECT c.id, c.parent_id, c.name FROM mixed.categories c JOIN tree t ON c.parent_id = t.id)
SELECT t.name, count(p.id) FROM tree t LEFT JOIN mixed.products p ON p.category_id = t.id GROUP BY t.name

-- name: a sample of events
SELECT avg(amount) FROM mixed.events TABLESAMPLE SYSTEM (1)

-- name: upsert into totals of a product
INSERT INTO mixed.products (id, sku, name, brand, category_id, price, weight, related, attributes, active)
SELECT id, sku, name, brand, category_id, price, weight, related, attributes, false
FROM mixed.products WHERE category_id = 77
ON CONFLICT (id) DO UPDATE SET active = EXCLUDED.active
