-- What production does: most tables are vacuumed and analysed, one never was, and one has grown
-- by a fifth since (its GIN index has a pending list).
VACUUM (ANALYZE) mixed.countries, mixed.categories, mixed.accounts, mixed.events, mixed.orders,
    mixed.order_lines, mixed.products, mixed.bookings, mixed.readings, mixed.sessions,
    mixed.tickets, mixed.employees, mixed.notes, mixed.notes_public, mixed.notes_internal,
    mixed.ledger, mixed.account_totals, mixed.never_used;
INSERT INTO mixed.ledger
SELECT id + 10000000, account_id, booked_on + 760, amount, labels FROM mixed.ledger WHERE id % 5 = 0;
DELETE FROM mixed.tickets WHERE id % 40 = 7;
CHECKPOINT;
