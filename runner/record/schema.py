"""The tables of the journal."""

APPLICATION = 0x63655275  # "ceRu": tells a journal from any other SQLite file
VERSION = 1

TABLES = """
CREATE TABLE runs (
    id        TEXT PRIMARY KEY,
    started   TEXT NOT NULL,
    ended     TEXT,
    exit_code INTEGER,
    digest    TEXT NOT NULL,
    plan      TEXT NOT NULL
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
