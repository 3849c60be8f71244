/** Tokens and devices by command, with and without a gateway, and what another process does to them. */
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Principal } from '../../gateway/access/principal.js'
import { accessVerbs } from '../../gateway/access/verbs.js'
import { ControlServer } from '../../gateway/control/server.js'
import { createLogger } from '../../shared/log.js'
import { ADDRESS, head, rig } from '../helpers/access-rig.js'
import { folder, installed, runProgram } from '../helpers/processes.js'

const MAIN = fileURLToPath(new URL('../../gateway/main.js', import.meta.url))

/** Runs one command in `cwd`. */
const gw = (cwd: string, line: string, env: Record<string, string> = {}) =>
  runProgram(process.execPath, [MAIN, ...line.split(' ')], { cwd, env })

t.test('without a gateway commands open the store', async (t) => {
  const cwd = folder(t)
  const missing = await gw(cwd, 'token list')
  t.match(missing, { code: 1, out: '', err: /no gateway runs on \.gw, and no token or device was ever made/ })
  t.same(readdirSync(cwd), [], 'to look makes nothing')

  const made = await gw(
    cwd,
    'token create --role node --tunnel agent_*_prod --tunnel name:shop --public --expires 30d --note ci',
  )
  t.match(made, { code: 0, out: /^gwt_[0-9a-f]{12}_[\w-]{43}\n$/ })
  const id = made.out.slice(4, 16)
  t.match(
    made.err,
    new RegExp(`^token ${id}: node agent_\\*_prod name:shop public; it ends 20.*not shown again`),
  )
  t.equal(statSync(join(cwd, '.gw', 'access.db')).mode & 0o777, 0o600)
  for (const file of readdirSync(join(cwd, '.gw')))
    t.notMatch(
      readFileSync(join(cwd, '.gw', file), 'latin1'),
      made.out.trim().slice(17),
      `no secret in ${file}`,
    )

  const [json, table] = await Promise.all([gw(cwd, 'token list --json'), gw(cwd, 'token list')])
  const [token] = JSON.parse(json.out)
  t.match(token, {
    id,
    role: 'node',
    tunnels: ['agent_*_prod', 'name:shop'],
    public: true,
    note: 'ci',
    revoked_at: null,
  })
  t.ok(Math.abs(Date.parse(token.expires_at) - Date.now() - 30 * 86_400_000) < 60_000)
  t.match(table.out, new RegExp(`^ID +STATE +RIGHTS +LAST USED +NOTE\\n${id} +until 20.* +never +ci\\n$`))

  t.match(await gw(cwd, `token revoke ${made.out.trim()}`), { code: 0, out: `revoked ${id}\n` })
  t.match((await gw(cwd, 'token list')).out, new RegExp(`${id} +revoked 20`))
  const [unknown, device] = await Promise.all([
    gw(cwd, 'token revoke nope'),
    gw(cwd, 'device approve ABCDEFGH'),
  ])
  t.match(unknown, { code: 1, err: /there is no token "nope"/ })
  t.match(device, { code: 1, err: /no gateway runs here, and pairing codes live in one/ })
})

t.test("the data directory is the gateway's", async (t) => {
  const cwd = folder(t)
  mkdirSync(join(cwd, 'etc'))
  writeFileSync(join(cwd, 'gateway.yaml'), 'port: 4000\nfiles:\n  data-dir: by-file\n', { mode: 0o600 })
  writeFileSync(join(cwd, 'etc', 'gw.yaml'), 'data_dir: by-variable\nauth: token\n')
  writeFileSync(join(cwd, 'bad.yaml'), 'a: [')
  const line = 'token create --role operator'
  const ran = await Promise.all([
    gw(cwd, line),
    gw(cwd, line, { GW_CONFIG: 'etc/gw.yaml' }),
    gw(cwd, line, { GW_DATA_DIR: 'by-env' }),
    gw(cwd, `${line} --data-dir by-flag`, { GW_CONFIG: 'etc/gw.yaml' }),
    gw(cwd, line, { GW_CONFIG: 'bad.yaml' }),
    gw(cwd, `${line} --config etc/gw.yaml`),
    gw(cwd, 'token create --role node', { GW_PUBLIC: '1', GW_TUNNEL: 'x' }),
  ])
  t.same(
    ran.map(({ code }) => code),
    [0, 0, 0, 0, 2, 0, 0],
  )
  t.match(ran[4]!.err, /bad\.yaml:1/)
  t.match(ran[6]!.err, /: node \*; it never ends/, "an agent's variables give no rights")
  for (const place of ['by-file', 'by-variable', 'by-env', 'by-flag'])
    t.ok(readdirSync(join(cwd, place)).includes('access.db'), place)
})

t.test('with a gateway they ask it', async (t) => {
  const { access, dataDir } = rig(t, ['token', 'device_token'])
  const control = await ControlServer.listen(
    dataDir,
    accessVerbs(() => access),
    createLogger({ write() {} }),
  )
  t.teardown(() => control!.close())
  const cwd = folder(t)
  const at = `--data-dir ${dataDir}`
  const made = await gw(cwd, `token create --role operator --scope operator.read ${at}`)
  const who = (field: string) =>
    access.authenticator.identify(head(['authorization', field]), 'api', ADDRESS) as Principal
  t.equal(who(`Bearer ${made.out.trim()}`).id, `token:${made.out.slice(4, 16)}`, 'in force at once')

  const { code } = access.pairings.begin('till 3', undefined, ADDRESS)
  t.match(await gw(cwd, `device approve ${code} --role node --tunnel name:till-3 ${at}`), {
    code: 0,
    out: 'approved till 3: node name:till-3\n',
  })
  access.pairings.claim(code, undefined, (label, grant) =>
    access.credentials.issue({ kind: 'device', grant, label }),
  )
  const rejected = access.pairings.begin('till 4', undefined, ADDRESS).code
  const [list, reject, wrong] = await Promise.all([
    gw(cwd, `device list ${at}`),
    gw(cwd, `device reject ${rejected} ${at}`),
    gw(cwd, `device approve AAAAAAAA ${at}`),
  ])
  t.match(list.out, /^ID +NAME +RIGHTS +LAST USED\n[0-9a-f]{12} +till 3 +node name:till-3 +never\n$/)
  t.match(reject, { code: 0, out: 'rejected till 4\n' })
  t.match(wrong, { code: 1, out: '', err: /this pairing code is unknown or has expired/ })
})

t.test('what another process revokes ends within a second, and what expires at its time', async (t) => {
  const { access, dataDir } = rig(t, ['token'], {}, Date.now)
  // A gateway's own timer holds no process alive; its sockets do.
  const alive = setInterval(() => {}, 60_000)
  t.teardown(() => clearInterval(alive))
  const cwd = folder(t)
  const issued = access.credentials.issue({
    kind: 'token',
    grant: { role: 'node', scopes: [], tunnels: ['*'], public: false },
    label: '',
  })
  const who = (text: string) =>
    access.authenticator.identify(head(['authorization', `Bearer ${text}`]), 'link', ADDRESS) as Principal
  const ended = (principal: Principal) =>
    new Promise<number>((resolve) => access.endings.watch(principal, () => resolve(Date.now())))
  const revoked = ended(who(issued.text))
  t.equal((await gw(cwd, `token revoke ${issued.record.id} --data-dir ${dataDir}`)).code, 0)
  const asked = Date.now()
  t.ok((await revoked) - asked < 1000)
  t.throws(() => who(issued.text), { code: 'unauthorized' })

  const expiresAt = Date.now() + 300
  const short = access.credentials.issue({ ...issued.record, label: '', expiresAt })
  const late = (await ended(who(short.text))) - expiresAt
  t.ok(late >= 0 && late < 1000, `${late} ms late`)
})

t.test('the commands of docs/access.md run as they stand', installed('curl', 'sh'), async (t) => {
  const page = readFileSync(new URL('../../../docs/access.md', import.meta.url), 'utf8')
  const [, lines = ''] = /<!-- round trip -->\n(.*)<!-- \/round trip -->/s.exec(page) ?? []
  const cwd = folder(t)
  const root = 'the-root-secret-of-this-test'
  const gateway = spawn(process.execPath, [MAIN, '--port', '0', '--auth', 'token', '--log-format', 'json'], {
    cwd,
    env: { PATH: process.env.PATH, GW_TOKEN: root },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => void gateway.kill('SIGKILL'))
  let url = ''
  for await (const line of createInterface(gateway.stdout!)) {
    url = /listening on (http:[^"\s]+)/.exec(line)?.[1] ?? ''
    if (url !== '') break
  }
  gateway.stdout!.resume()
  const agent = fileURLToPath(new URL('../../agent/main.js', import.meta.url))
  const script = `set -e
npx() { name=$1; shift; case $name in gw-agent) exec "$NODE" "$AGENT" "$@" ;; *) "$NODE" "$MAIN" "$@" ;; esac; }
trap 'kill $!' EXIT
${lines.replaceAll('localhost:3000', url)}`
  const env = { NODE: process.execPath, AGENT: agent, MAIN, GW_GATEWAY: url, XDG_STATE_HOME: cwd }
  const ran = await runProgram('sh', ['-c', script], { cwd, env })
  t.match(ran, { code: 0, out: /"path":"\/hello"/ })
  const id = readFileSync(join(cwd, 'ci.token'), 'utf8').slice(4, 16)
  t.match(ran.out, new RegExp(`${id} +until 20.*operator operator\\.write.* ci$`, 'm'), 'it is listed')
  t.match(ran.out, new RegExp(`^revoked ${id}$`, 'm'))
})
