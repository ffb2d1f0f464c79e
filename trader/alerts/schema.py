"""The alert tables, their indexes, and the triggers that keep the totals.

A row of ``alert_outbox`` waits while ``told < count``; ``waits_ns`` is since when. ``alert_tally``
holds totals by rank, ``alert_ledger`` the same by quarters of an hour, both written in the
transaction of whatever changed, so that asking for a total never counts rows.
"""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE alert_outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        code TEXT NOT NULL,
        severity TEXT NOT NULL,
        rank INTEGER NOT NULL,
        key TEXT NOT NULL,
        at_ns INTEGER NOT NULL,
        fields TEXT NOT NULL,
        clears INTEGER NOT NULL,
        lasting INTEGER NOT NULL,
        created_ns INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        tried_ns INTEGER,
        last_error TEXT NOT NULL DEFAULT '',
        sent_ns INTEGER,
        acknowledged_ns INTEGER,
        dropped_ns INTEGER
    ) STRICT;
    CREATE INDEX alert_outbox_pending ON alert_outbox (rank, id)
        WHERE sent_ns IS NULL AND dropped_ns IS NULL;
    CREATE INDEX alert_outbox_sent ON alert_outbox (sent_ns) WHERE sent_ns IS NOT NULL;
    CREATE INDEX alert_outbox_late ON alert_outbox (sent_ns)
        WHERE sent_ns - created_ns > 60000000000;
    CREATE INDEX alert_outbox_acknowledged ON alert_outbox (acknowledged_ns)
        WHERE acknowledged_ns IS NOT NULL;
    CREATE INDEX alert_outbox_dropped ON alert_outbox (dropped_ns) WHERE dropped_ns IS NOT NULL;
    CREATE INDEX alert_outbox_failed ON alert_outbox (attempts, sent_ns)
        WHERE tried_ns IS NOT NULL;
    CREATE TABLE alert_open (
        key TEXT PRIMARY KEY,
        since_ns INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX alert_open_since ON alert_open (since_ns);
    """,
    """
    DROP INDEX alert_outbox_pending;
    DROP INDEX alert_outbox_sent;
    DROP INDEX alert_outbox_late;
    DROP INDEX alert_outbox_acknowledged;
    DROP INDEX alert_outbox_dropped;
    DROP INDEX alert_outbox_failed;

    -- What had been dropped was never told; now a digest can tell it.
    CREATE TABLE alert_folded (
        code TEXT PRIMARY KEY, count INTEGER NOT NULL, first_ns INTEGER NOT NULL,
        last_ns INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO alert_folded
        SELECT code, count(*), min(created_ns), max(created_ns) FROM alert_outbox
        WHERE dropped_ns IS NOT NULL AND sent_ns IS NULL GROUP BY code;
    DELETE FROM alert_outbox WHERE dropped_ns IS NOT NULL AND sent_ns IS NULL;
    ALTER TABLE alert_outbox DROP COLUMN dropped_ns;

    ALTER TABLE alert_outbox ADD COLUMN count INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE alert_outbox ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE alert_outbox ADD COLUMN last_ns INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE alert_outbox ADD COLUMN waits_ns INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE alert_outbox ADD COLUMN told_ns INTEGER;
    ALTER TABLE alert_outbox ADD COLUMN backup_ns INTEGER;
    ALTER TABLE alert_outbox ADD COLUMN over_ns INTEGER;
    ALTER TABLE alert_outbox ADD COLUMN over_code TEXT;
    ALTER TABLE alert_outbox ADD COLUMN over_at_ns INTEGER;
    ALTER TABLE alert_outbox ADD COLUMN over_fields TEXT;
    UPDATE alert_outbox SET
        told = sent_ns IS NOT NULL, told_ns = sent_ns, last_ns = created_ns, waits_ns = created_ns,
        rank = CASE WHEN severity = 'critical' THEN 0 WHEN severity = 'warning' THEN 2
                    WHEN clears THEN 1 ELSE 3 END;

    -- Equal ones that wait become one row, as they would today.
    CREATE TEMP TABLE alert_merging AS
        SELECT min(id) AS first_id, max(id) AS last_id, count(*) AS number FROM alert_outbox
        WHERE told < count AND rank > 0 GROUP BY key, code, severity, clears;
    UPDATE alert_outbox SET count = number, last_ns = newest.created_ns, fields = newest.fields
        FROM alert_merging JOIN alert_outbox AS newest ON newest.id = last_id
        WHERE alert_outbox.id = first_id;
    DELETE FROM alert_outbox WHERE told < count AND rank > 0
        AND id NOT IN (SELECT first_id FROM alert_merging);
    DROP TABLE alert_merging;

    CREATE INDEX alert_outbox_waiting ON alert_outbox (rank, id) WHERE told < count;
    CREATE INDEX alert_outbox_since ON alert_outbox (waits_ns) WHERE told < count;
    CREATE UNIQUE INDEX alert_outbox_merging ON alert_outbox (key, code, severity, clears)
        WHERE told < count AND rank > 0;
    CREATE INDEX alert_outbox_settled ON alert_outbox (told_ns) WHERE told >= count;
    CREATE INDEX alert_outbox_overtaken ON alert_outbox (key) WHERE count = 0;
    CREATE INDEX alert_outbox_unseen ON alert_outbox (created_ns)
        WHERE rank = 0 AND acknowledged_ns IS NULL;

    ALTER TABLE alert_open ADD COLUMN rank INTEGER NOT NULL DEFAULT 3;
    ALTER TABLE alert_open ADD COLUMN told INTEGER NOT NULL DEFAULT 1;

    CREATE TABLE alert_tally (
        rank INTEGER PRIMARY KEY, kept INTEGER NOT NULL, queued INTEGER NOT NULL,
        created INTEGER NOT NULL, sent INTEGER NOT NULL, waiting INTEGER NOT NULL,
        late INTEGER NOT NULL, acknowledged INTEGER NOT NULL, failed INTEGER NOT NULL
    ) STRICT;
    INSERT INTO alert_tally
        SELECT ranks.column1, count(id), coalesce(sum(told < count), 0), coalesce(sum(count), 0),
            coalesce(sum(told), 0), coalesce(sum(count - told), 0),
            coalesce(sum(told_ns - created_ns > 60000000000), 0),
            coalesce(sum(acknowledged_ns IS NOT NULL), 0),
            coalesce(sum(CASE WHEN tried_ns IS NULL THEN 0 ELSE attempts - told END), 0)
        FROM (VALUES (0), (1), (2), (3)) AS ranks
        LEFT JOIN alert_outbox ON alert_outbox.rank = ranks.column1 GROUP BY ranks.column1;
    UPDATE alert_tally SET created =
        created + (SELECT coalesce(sum(count), 0) FROM alert_folded) WHERE rank = 3;

    CREATE TABLE alert_ledger (
        start_ns INTEGER PRIMARY KEY, created INTEGER NOT NULL DEFAULT 0,
        sent INTEGER NOT NULL DEFAULT 0, late INTEGER NOT NULL DEFAULT 0,
        acknowledged INTEGER NOT NULL DEFAULT 0, folded INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    INSERT INTO alert_ledger (start_ns, created)
        SELECT created_ns - created_ns % 900000000000, sum(count) FROM alert_outbox
        WHERE true GROUP BY 1;
    INSERT INTO alert_ledger (start_ns, sent, late)
        SELECT told_ns - told_ns % 900000000000, sum(told),
            sum(told_ns - created_ns > 60000000000)
        FROM alert_outbox WHERE told_ns IS NOT NULL GROUP BY 1
        ON CONFLICT (start_ns) DO UPDATE SET sent = excluded.sent, late = excluded.late;
    INSERT INTO alert_ledger (start_ns, acknowledged)
        SELECT acknowledged_ns - acknowledged_ns % 900000000000, count(*)
        FROM alert_outbox WHERE acknowledged_ns IS NOT NULL GROUP BY 1
        ON CONFLICT (start_ns) DO UPDATE SET acknowledged = excluded.acknowledged;

    CREATE TRIGGER alert_entered AFTER INSERT ON alert_outbox BEGIN
        UPDATE alert_tally SET kept = kept + 1, queued = queued + 1,
            created = created + NEW.count, waiting = waiting + NEW.count WHERE rank = NEW.rank;
        INSERT INTO alert_ledger (start_ns, created)
            VALUES (NEW.last_ns - NEW.last_ns % 900000000000, NEW.count)
            ON CONFLICT (start_ns) DO UPDATE SET created = created + excluded.created;
    END;
    CREATE TRIGGER alert_counted AFTER UPDATE OF count ON alert_outbox BEGIN
        UPDATE alert_tally SET created = created + NEW.count - OLD.count,
            waiting = waiting + NEW.count - OLD.count,
            queued = queued + (NEW.told < NEW.count) - (OLD.told < OLD.count)
            WHERE rank = NEW.rank;
        INSERT INTO alert_ledger (start_ns, created)
            VALUES (NEW.last_ns - NEW.last_ns % 900000000000, NEW.count - OLD.count)
            ON CONFLICT (start_ns) DO UPDATE SET created = created + excluded.created;
    END;
    CREATE TRIGGER alert_told AFTER UPDATE OF told ON alert_outbox BEGIN
        UPDATE alert_tally SET sent = sent + NEW.told - OLD.told,
            waiting = waiting - NEW.told + OLD.told,
            queued = queued + (NEW.told < NEW.count) - (OLD.told < OLD.count),
            late = late + (NEW.told - OLD.told) * (NEW.told_ns - OLD.waits_ns > 60000000000)
            WHERE rank = NEW.rank;
        INSERT INTO alert_ledger (start_ns, sent, late)
            VALUES (NEW.told_ns - NEW.told_ns % 900000000000, NEW.told - OLD.told,
                (NEW.told - OLD.told) * (NEW.told_ns - OLD.waits_ns > 60000000000))
            ON CONFLICT (start_ns) DO UPDATE
                SET sent = sent + excluded.sent, late = late + excluded.late;
        UPDATE alert_open SET told = 1 WHERE key = NEW.key AND NOT NEW.clears;
    END;
    CREATE TRIGGER alert_failed AFTER UPDATE OF tried_ns ON alert_outbox BEGIN
        UPDATE alert_tally SET failed = failed + 1 WHERE rank = NEW.rank;
    END;
    CREATE TRIGGER alert_seen AFTER UPDATE OF acknowledged_ns ON alert_outbox BEGIN
        UPDATE alert_tally SET acknowledged = acknowledged + NEW.count WHERE rank = NEW.rank;
        INSERT INTO alert_ledger (start_ns, acknowledged)
            VALUES (NEW.acknowledged_ns - NEW.acknowledged_ns % 900000000000, NEW.count)
            ON CONFLICT (start_ns) DO UPDATE
                SET acknowledged = acknowledged + excluded.acknowledged;
    END;
    -- Only folding removes a row that waits.
    CREATE TRIGGER alert_left AFTER DELETE ON alert_outbox BEGIN
        UPDATE alert_tally SET kept = kept - 1, queued = queued - (OLD.told < OLD.count),
            waiting = waiting - OLD.count + OLD.told WHERE rank = OLD.rank;
        INSERT INTO alert_ledger (start_ns, folded)
            SELECT OLD.last_ns - OLD.last_ns % 900000000000, OLD.count - OLD.told
            WHERE OLD.told < OLD.count
            ON CONFLICT (start_ns) DO UPDATE SET folded = folded + excluded.folded;
    END;
    """,
    """
    -- Alerts are numbered anew in each database, so whoever remembers them asks which it was.
    CREATE TABLE alert_journal (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    INSERT INTO alert_journal VALUES (lower(hex(randomblob(16))));
    CREATE INDEX alert_outbox_urgent ON alert_outbox (id) WHERE told < count AND rank = 0
        AND code IN ('halted', 'demoted', 'position_unguarded');
    CREATE INDEX alert_outbox_standing ON alert_outbox (key, id) WHERE rank = 0 AND lasting = 1;
    """,
)
"""Scripts the journal runs under the name "outbox", each leading to the next version."""
