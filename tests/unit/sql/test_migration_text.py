from __future__ import annotations

import pytest

from pytest_planguard.sql.migration_text import MigrationStatement, migration_statement


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("BEGIN", MigrationStatement.BEGIN),
        ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", MigrationStatement.BEGIN),
        ("COMMIT", MigrationStatement.END),
        ("ROLLBACK", MigrationStatement.END),
        ("ROLLBACK TO SAVEPOINT a", MigrationStatement.SAVEPOINT),
        ("SET LOCAL lock_timeout = '2s'", MigrationStatement.SETTING),
        ("UPDATE t SET a = 1", MigrationStatement.DATA),
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", MigrationStatement.DATA),
        ("SELECT set_all()", MigrationStatement.QUERY),
        ("SELECT * INTO other FROM t", MigrationStatement.OTHER),
        ("GRANT SELECT ON t TO reader", MigrationStatement.RIGHTS),
        ("CREATE ROLE reader", MigrationStatement.SERVER),
        ("DROP DATABASE shop", MigrationStatement.SERVER),
        ("DROP DATABASE shop WITH (FROM THE FUTURE)", MigrationStatement.SERVER),
        (
            "CREATE SUBSCRIPTION s CONNECTION 'host=b' PUBLICATION p",
            MigrationStatement.SERVER,
        ),
        ("DO $$ BEGIN END $$", MigrationStatement.BLOCK),
        ("CALL backfill()", MigrationStatement.BLOCK),
        ("ALTER TABLE t ADD COLUMN a int", MigrationStatement.OTHER),
        # what another major's parser would take
        ("UPDATE t SET a = 1 RETURNING OF THE FUTURE", MigrationStatement.DATA),
        ("ALTER TABLE t SPLIT PARTITION a INTO b", MigrationStatement.OTHER),
    ],
)
def test_each_statement_has_its_kind(text, kind):
    assert migration_statement(text) is kind
