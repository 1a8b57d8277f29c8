"""The tables of the journal."""

APPLICATION = 0x63655275  # "ceRu": tells a journal from any other SQLite file
VERSION = 3

RUNS = """
CREATE TABLE runs (
    id        TEXT PRIMARY KEY,
    started   TEXT NOT NULL,
    ended     TEXT,
    exit_code INTEGER,
    digest    TEXT NOT NULL,
    plan      TEXT NOT NULL,
    operator  TEXT NOT NULL DEFAULT ''
);
CREATE TABLE intents (
    run       TEXT NOT NULL REFERENCES runs (id),
    play      INTEGER NOT NULL,
    host      TEXT NOT NULL,
    step      TEXT NOT NULL,
    change    INTEGER NOT NULL,
    at        TEXT NOT NULL,
    shell     TEXT NOT NULL,
    pipeline  TEXT NOT NULL,
    statement TEXT NOT NULL,
    action    TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run, play, host, step, change)
);
CREATE TABLE outcomes (
    run       TEXT NOT NULL REFERENCES runs (id),
    play      INTEGER NOT NULL,
    host      TEXT NOT NULL,
    step      TEXT NOT NULL,
    at        TEXT NOT NULL,
    result    TEXT NOT NULL,
    document  TEXT NOT NULL,
    module    TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run, play, host, step)
);
CREATE TABLE hosts (
    run       TEXT NOT NULL REFERENCES runs (id),
    play      INTEGER NOT NULL,
    host      TEXT NOT NULL,
    at        TEXT NOT NULL,
    result    TEXT NOT NULL,
    document  TEXT NOT NULL,
    PRIMARY KEY (run, play, host)
);
"""
ATTESTATIONS = """
CREATE TABLE attestations (
    host      TEXT NOT NULL,
    id        TEXT NOT NULL,
    by        TEXT NOT NULL,
    at        TEXT NOT NULL,
    evidence  TEXT NOT NULL,
    expires   TEXT,
    entered   TEXT NOT NULL DEFAULT '',
    withdrawn INTEGER NOT NULL DEFAULT 0
);
"""
TABLES = RUNS + ATTESTATIONS
# What makes a journal of the version before one of this; what was recorded there stays as it is.
MIGRATIONS = {
    1: "ALTER TABLE runs ADD COLUMN operator TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE outcomes ADD COLUMN module TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE attestations (host TEXT NOT NULL, id TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL, "
    "evidence TEXT NOT NULL, expires TEXT);",
    2: "ALTER TABLE intents ADD COLUMN action TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE attestations ADD COLUMN entered TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE attestations ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;",
}
