/** `access.db` of the data directory: tokens, devices, sign-ins. Other processes may write to it at any time. */
import { join } from 'node:path'
import { type Database, openDatabase } from '../../shared/store/database.js'

/** `change` lists which credentials changed, so that who reads the file need not read it all: the last 1000. */
const CHANGED = (id: string): string =>
  `BEGIN INSERT INTO change (id) VALUES (${id}); DELETE FROM change WHERE n <= last_insert_rowid() - 1000; END`

const MIGRATIONS = [
  `CREATE TABLE credential (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    scopes TEXT NOT NULL,
    tunnels TEXT NOT NULL,
    public INTEGER NOT NULL,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
  );
  CREATE TABLE used (id TEXT PRIMARY KEY REFERENCES credential (id) ON DELETE CASCADE, at INTEGER NOT NULL);
  CREATE TABLE change (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL);
  CREATE TRIGGER credential_added AFTER INSERT ON credential ${CHANGED('new.id')};
  CREATE TRIGGER credential_changed AFTER UPDATE ON credential ${CHANGED('new.id')};
  CREATE TRIGGER credential_removed AFTER DELETE ON credential ${CHANGED('old.id')};`,
  // Passwords are hardened with the salt: what is made of one has to be the same after a restart.
  `CREATE TABLE sign_in (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    hash TEXT NOT NULL UNIQUE,
    holder TEXT NOT NULL,
    proof TEXT NOT NULL,
    until INTEGER NOT NULL
  );
  CREATE TABLE password_salt AS SELECT hex(randomblob(16)) AS hex;`,
]

export const accessFile = (dataDir: string): string => join(dataDir, 'access.db')

/** `path`: a file or `:memory:`. @throws StoreError. */
export const openAccess = (path: string): Database => openDatabase({ path, migrations: MIGRATIONS })
