/** The tables of `sessions.db`. Steps are never changed, only added. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE session (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    user_id TEXT NOT NULL,
    agent TEXT,
    created_at INTEGER NOT NULL,
    workspace_dir TEXT,
    metadata TEXT NOT NULL,
    status TEXT NOT NULL,
    tunnel_id TEXT,
    last_active_at INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  );
  CREATE INDEX session_owner ON session (owner, row);
  CREATE INDEX session_active ON session (last_active_at);
  CREATE TABLE event (
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    run_id TEXT,
    type TEXT NOT NULL,
    json TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (session, seq)
  ) WITHOUT ROWID;
  CREATE TABLE run (
    id TEXT PRIMARY KEY,
    session INTEGER NOT NULL,
    from_seq INTEGER NOT NULL,
    input TEXT NOT NULL,
    done INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX run_session ON run (session, from_seq);
  CREATE INDEX run_open ON run (session) WHERE done = 0;
  CREATE TABLE key (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    session TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (owner, name)
  ) WITHOUT ROWID;
  CREATE INDEX key_at ON key (at);
  CREATE INDEX key_owner ON key (owner, at);
  CREATE TABLE garbage (session INTEGER PRIMARY KEY);
  CREATE TABLE owner (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    pid INTEGER NOT NULL,
    started TEXT,
    host TEXT NOT NULL,
    since INTEGER NOT NULL,
    beat INTEGER NOT NULL,
    url TEXT
  );
  `,
]
