"""How ``state/bot-control.db`` looks. A script that was released is never changed."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

    -- body: what was heard, until it is finished.
    CREATE TABLE heard (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        identity TEXT NOT NULL UNIQUE,
        update_id INTEGER NOT NULL,
        written_ns INTEGER,
        at_ns INTEGER NOT NULL,
        body TEXT
    ) STRICT;
    CREATE INDEX heard_unfinished ON heard (seq) WHERE body IS NOT NULL;

    CREATE TABLE late_notes (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        who TEXT NOT NULL,
        written_ns INTEGER,
        at_ns INTEGER NOT NULL,
        fate TEXT NOT NULL
    ) STRICT;

    CREATE TABLE buttons (
        token TEXT PRIMARY KEY,
        action TEXT NOT NULL,
        target TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        user_id INTEGER NOT NULL,
        created_ns INTEGER NOT NULL,
        expires_ns INTEGER NOT NULL,
        used_ns INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX buttons_by_age ON buttons (created_ns);

    CREATE TABLE mutes (kind TEXT PRIMARY KEY, until_ns INTEGER NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE audit (
        seq INTEGER PRIMARY KEY,
        at_ns INTEGER NOT NULL,
        who TEXT NOT NULL,
        what TEXT NOT NULL,
        age_s INTEGER,
        decision TEXT NOT NULL,
        before TEXT NOT NULL,
        after TEXT NOT NULL,
        prev_hash TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT;
    -- The newest line that pruning removed: where the chain now begins.
    CREATE TABLE audit_cut (
        id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit lines are only ever added'); END;
    CREATE TRIGGER audit_remains BEFORE DELETE ON audit
        WHEN old.seq > coalesce((SELECT seq FROM audit_cut), 0)
        BEGIN SELECT RAISE(ABORT, 'audit lines are only ever added'); END;
    """,
)
