import { chmodSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makePrivateDirectory } from '../../shared/private-directory.js'
import { openDatabase, StoreError } from '../../shared/store/database.js'
import { directoryFor } from '../helpers/directory.js'

const STEP = 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT, body BLOB)'

t.test('what is written is there after a restart', async (t) => {
  const path = join(directoryFor(t), 'data', 'a.db')
  const first = openDatabase({ path, migrations: [STEP] })
  t.equal(first.prepare('INSERT INTO note (text, body) VALUES (?, ?)').run('a', Buffer.from([1, 2])), 1)
  first.close()
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
  chmodSync(path, 0o600)
  const second = openDatabase({ path, migrations: [STEP, 'ALTER TABLE note ADD COLUMN more TEXT'] })
  const row = second.prepare('SELECT * FROM note WHERE text = ?').get('a')!
  t.same(Object.keys(row), ['id', 'text', 'body', 'more'])
  t.same([...(row.body as Uint8Array)], [1, 2])
  t.equal(second.prepare('SELECT 1 FROM note WHERE id = 9').get(), undefined)
  t.equal(second.prepare('SELECT * FROM note').all().length, 1)
  second.close()
  t.throws(() => openDatabase({ path, migrations: [STEP] }), StoreError, 'a file of a newer program')
})

t.test('a transaction is all or nothing', async (t) => {
  const database = openDatabase({ path: ':memory:', migrations: [STEP] })
  const insert = database.prepare('INSERT INTO note (text) VALUES (?)')
  t.throws(
    () =>
      database.transaction(() => {
        insert.run('lost')
        throw new Error('no')
      }),
    /no/,
  )
  t.equal(
    database.transaction(() => insert.run('kept')),
    1,
  )
  t.same(
    database
      .prepare('SELECT text FROM note')
      .all()
      .map(({ text }) => text),
    ['kept'],
  )
  database.close()
})

t.test('a failed step leaves the file as it was', async (t) => {
  const path = join(directoryFor(t), 'b.db')
  t.throws(() => openDatabase({ path, migrations: [STEP, 'CREATE NONSENSE'] }), /b\.db/)
  openDatabase({ path, migrations: [STEP] }).close()
})

t.test('a directory is made for its user alone, or it is said why not', async (t) => {
  const at = directoryFor(t)
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)
  makePrivateDirectory(join(at, 'one/two'))
  t.same([modeOf(join(at, 'one')), modeOf(join(at, 'one/two'))], ['700', '700'])
  chmodSync(join(at, 'one'), 0o755)
  makePrivateDirectory(join(at, 'one'))
  t.equal(modeOf(join(at, 'one')), '755', 'what is there stays as it is')
  writeFileSync(join(at, 'file'), '')
  symlinkSync(join(at, 'nowhere'), join(at, 'dangling'))
  for (const path of ['file', 'file/below', 'dangling']) {
    const whole = join(at, path)
    t.throws(() => makePrivateDirectory(whole), { message: new RegExp(`^${whole} cannot be a directory: `) })
  }
  if (process.platform !== 'linux') return
  // Node's own recursive mkdir never returns from this one.
  const message = '/proc/gw/below cannot be a directory: /proc takes no directories'
  t.throws(() => makePrivateDirectory('/proc/gw/below'), { message })
})
