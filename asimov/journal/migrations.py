"""The numbered migrations that create the journal's tables; only ever append to them."""

MIGRATIONS = [
    """
CREATE TABLE analyses (
    subject TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, since REAL NOT NULL,
    reason TEXT, uid TEXT, job_id INTEGER, job_state TEXT, job_detail TEXT, progress TEXT,
    PRIMARY KEY (subject, name)) WITHOUT ROWID;
CREATE TABLE attempts (
    uid TEXT PRIMARY KEY, subject TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL,
    stage TEXT NOT NULL, scheduler TEXT NOT NULL, state TEXT NOT NULL, job_id INTEGER,
    intended REAL NOT NULL, submitted REAL, ended REAL, exit_code INTEGER, evidence TEXT,
    reason TEXT, logs TEXT) WITHOUT ROWID;
CREATE INDEX attempts_of ON attempts (subject, name);
CREATE INDEX attempts_open ON attempts (state) WHERE state IN ('intended', 'submitted');
CREATE TABLE events (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, subject TEXT NOT NULL, name TEXT NOT NULL,
    actor TEXT NOT NULL, kind TEXT NOT NULL, before TEXT, after TEXT, reason TEXT);
CREATE INDEX events_of ON events (subject, name);
CREATE TABLE facts (
    subject TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (subject, name)) WITHOUT ROWID;
CREATE TABLE builds (
    subject TEXT NOT NULL, name TEXT NOT NULL, config TEXT NOT NULL, digest TEXT NOT NULL,
    content TEXT NOT NULL, time REAL NOT NULL, PRIMARY KEY (subject, name)) WITHOUT ROWID;
CREATE TABLE documents (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE changes (id INTEGER PRIMARY KEY, started REAL NOT NULL, files BLOB NOT NULL);
CREATE TABLE properties (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID
""",
    """
ALTER TABLE attempts ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN usage BLOB;
ALTER TABLE analyses ADD COLUMN job_since REAL;
ALTER TABLE events ADD COLUMN details TEXT;
CREATE INDEX attempts_unmeasured ON attempts (ended) WHERE state = 'ended' AND usage IS NULL;
CREATE TABLE logs (path TEXT PRIMARY KEY, bookmark BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE remedies (
    uid TEXT NOT NULL, process TEXT NOT NULL, class TEXT NOT NULL, times INTEGER NOT NULL,
    last REAL NOT NULL, PRIMARY KEY (uid, process, class)) WITHOUT ROWID;
CREATE TABLE lease (
    name TEXT PRIMARY KEY, token TEXT NOT NULL, host TEXT NOT NULL,
    boot TEXT NOT NULL, process INTEGER NOT NULL, started TEXT NOT NULL, purpose TEXT NOT NULL,
    since REAL NOT NULL, expires REAL NOT NULL) WITHOUT ROWID
""",
    """
CREATE TABLE measurements (
    uid TEXT PRIMARY KEY, first REAL NOT NULL, first_time REAL NOT NULL, fraction REAL NOT NULL,
    time REAL NOT NULL, step TEXT NOT NULL) WITHOUT ROWID
""",
    "ALTER TABLE attempts ADD COLUMN seed TEXT",
    """
CREATE TABLE provenance (uid TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE parts (digest TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE checksums (
    path TEXT PRIMARY KEY, stamp TEXT NOT NULL, sha256 TEXT NOT NULL) WITHOUT ROWID
""",
    """
CREATE TABLE reruns (
    subject TEXT NOT NULL, name TEXT NOT NULL, asked REAL NOT NULL, actor TEXT NOT NULL,
    reason TEXT NOT NULL, PRIMARY KEY (subject, name)) WITHOUT ROWID;
CREATE TABLE fingerprints (
    subject TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (subject, name)) WITHOUT ROWID
""",
    """
ALTER TABLE attempts ADD COLUMN started REAL;
ALTER TABLE attempts ADD COLUMN finished REAL
""",
    """
CREATE TABLE revisions (
    number INTEGER PRIMARY KEY, time REAL NOT NULL, author TEXT NOT NULL, command TEXT NOT NULL,
    reason TEXT, what BLOB NOT NULL, size INTEGER NOT NULL);
CREATE TABLE revised (
    number INTEGER NOT NULL, path TEXT NOT NULL, before TEXT, after TEXT,
    PRIMARY KEY (number, path)) WITHOUT ROWID;
CREATE TABLE texts (digest TEXT PRIMARY KEY, data BLOB NOT NULL)
""",
    # SQLite gives a row of more than 1,002 bytes a page of its own in a table without row ids.
    """
CREATE TABLE provenance_rows (uid TEXT PRIMARY KEY, data BLOB NOT NULL);
INSERT INTO provenance_rows SELECT uid, data FROM provenance;
DROP TABLE provenance;
ALTER TABLE provenance_rows RENAME TO provenance;
CREATE TABLE parts_rows (digest TEXT PRIMARY KEY, data BLOB NOT NULL);
INSERT INTO parts_rows SELECT digest, data FROM parts;
DROP TABLE parts;
ALTER TABLE parts_rows RENAME TO parts
""",
    """
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY, rule TEXT NOT NULL, queued REAL NOT NULL, data BLOB NOT NULL,
    state TEXT NOT NULL, tries INTEGER NOT NULL, due REAL NOT NULL, last REAL, failure TEXT);
CREATE INDEX deliveries_due ON deliveries (due) WHERE state = 'queued'
""",
    """
CREATE TABLE access_keys (
    name TEXT PRIMARY KEY, digest TEXT NOT NULL, start TEXT NOT NULL, owner TEXT NOT NULL,
    made REAL NOT NULL, read_only INTEGER NOT NULL, rate INTEGER NOT NULL, used REAL,
    revoked REAL) WITHOUT ROWID;
CREATE TABLE answered_requests (
    caller TEXT NOT NULL, request TEXT NOT NULL, digest TEXT NOT NULL, time REAL NOT NULL,
    status INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (caller, request)) WITHOUT ROWID
""",
    """
CREATE TABLE questions (
    id INTEGER PRIMARY KEY, subject TEXT NOT NULL, name TEXT NOT NULL, question TEXT NOT NULL,
    asked REAL NOT NULL, said TEXT NOT NULL, declared BLOB NOT NULL, answered REAL, person TEXT,
    answers BLOB, closed REAL);
CREATE INDEX questions_of ON questions (subject, name)
""",
    """
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY, plugin TEXT NOT NULL, subject TEXT NOT NULL,
    name TEXT NOT NULL, made REAL NOT NULL, steps INTEGER NOT NULL DEFAULT 0, ended TEXT,
    report BLOB);
CREATE INDEX tasks_open ON tasks (id) WHERE ended IS NULL;
CREATE INDEX tasks_of ON tasks (subject, name);
CREATE TABLE task_subscriptions (
    task INTEGER NOT NULL, webhook TEXT NOT NULL, event TEXT NOT NULL, source TEXT NOT NULL,
    PRIMARY KEY (task, webhook, event)) WITHOUT ROWID;
CREATE TABLE task_files (
    id INTEGER PRIMARY KEY, task INTEGER NOT NULL, file TEXT NOT NULL, data_type TEXT NOT NULL,
    content_type TEXT NOT NULL, stored TEXT NOT NULL, tag TEXT NOT NULL);
CREATE INDEX task_files_of ON task_files (task);
CREATE TABLE task_steps (
    id INTEGER PRIMARY KEY, task INTEGER NOT NULL, time REAL NOT NULL, step TEXT NOT NULL,
    href TEXT NOT NULL, page TEXT NOT NULL, cleared INTEGER NOT NULL);
CREATE INDEX task_steps_of ON task_steps (task);
CREATE TABLE plugin_values (
    plugin TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (plugin, key));
CREATE TABLE plugin_blobs (
    plugin TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (plugin, key));
CREATE TABLE runtime_plugins (
    id INTEGER PRIMARY KEY, parent TEXT NOT NULL, plugin TEXT NOT NULL, version TEXT NOT NULL,
    description TEXT NOT NULL, tags TEXT NOT NULL, href TEXT NOT NULL UNIQUE)
""",
    # Rows are never deleted: clients keep their numbers.
    """
CREATE TABLE dicom_locations (
    id INTEGER PRIMARY KEY, owner TEXT NOT NULL, label TEXT NOT NULL,
    host TEXT NOT NULL, port INTEGER NOT NULL, ae_title TEXT);
CREATE TABLE datasets (
    id INTEGER PRIMARY KEY, owner TEXT NOT NULL, made REAL NOT NULL,
    expires REAL NOT NULL, source INTEGER, target INTEGER, expired INTEGER NOT NULL);
CREATE INDEX datasets_of ON datasets (owner);
CREATE TABLE data_objects (
    id INTEGER PRIMARY KEY, dataset INTEGER NOT NULL, is_input INTEGER NOT NULL,
    type TEXT NOT NULL, file TEXT, series TEXT, meta_data TEXT NOT NULL,
    is_fetched INTEGER NOT NULL, is_sent INTEGER NOT NULL, made REAL NOT NULL, parent INTEGER,
    removed INTEGER NOT NULL DEFAULT 0);
CREATE INDEX data_objects_of ON data_objects (dataset);
CREATE TABLE function_calls (
    uid TEXT PRIMARY KEY, dataset INTEGER NOT NULL, subject TEXT NOT NULL, name TEXT NOT NULL,
    function TEXT NOT NULL, made REAL NOT NULL, inputs TEXT NOT NULL,
    listed INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX function_calls_of ON function_calls (dataset)
""",
    """
CREATE TABLE damages (
    subject TEXT NOT NULL, name TEXT NOT NULL, found REAL NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (subject, name)) WITHOUT ROWID
""",
    "ALTER TABLE tasks ADD COLUMN address TEXT NOT NULL DEFAULT ''",
    """
CREATE TABLE refusals (
    subject TEXT NOT NULL, name TEXT NOT NULL, settings TEXT NOT NULL,
    PRIMARY KEY (subject, name)) WITHOUT ROWID;
DELETE FROM properties WHERE key LIKE 'settings refused: %'
""",
    """
ALTER TABLE data_objects ADD COLUMN retrieve TEXT
""",
    # Not only whether a call's outputs are listed, but as of when: it may be run again.
    """
UPDATE function_calls SET listed = coalesce(
    (SELECT since FROM analyses WHERE analyses.subject = function_calls.subject
     AND analyses.name = function_calls.name AND status = 'uploaded'), 1) WHERE listed
""",
    """
ALTER TABLE tasks ADD COLUMN since REAL NOT NULL DEFAULT 0;
UPDATE tasks SET since = coalesce(
    (SELECT since FROM analyses WHERE analyses.subject = tasks.subject
     AND analyses.name = tasks.name AND status = 'uploaded'), 0) WHERE ended = 'SUCCESS';
ALTER TABLE task_files ADD COLUMN place INTEGER NOT NULL DEFAULT 0
""",
    "ALTER TABLE data_objects ADD COLUMN sender TEXT",
    "ALTER TABLE plugin_blobs ADD COLUMN file TEXT",
]
