/**
 * `npm run test:matrix`: a fresh copy of the repository on every supported version of Node, as its users get it.
 * `-- --node 24` takes one version alone (repeatable), `--keep` leaves the copies and logs where they are.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build, copy, install, type Place, start, tests, WHY_NOT, WITH_UWS } from './checks.js'
import { runtime } from './runtime.js'

const VERSIONS = ['20', '22', '24', '26']
const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url))

const { values } = parseArgs({
  options: { node: { type: 'string', multiple: true }, keep: { type: 'boolean', default: false } },
})
const versions = values.node ?? VERSIONS
const unknown = versions.find((version) => !VERSIONS.includes(version))
if (unknown !== undefined) throw new Error(`--node: ${unknown} is none of ${VERSIONS.join(', ')}`)

const root = mkdtempSync(join(tmpdir(), 'gw-matrix-'))
const rows: { node: string; engines: string; outcome: string; ok: boolean }[] = []

for (const version of versions) {
  const engines = WITH_UWS.includes(version) ? (['uws', 'node'] as const) : (['node'] as const)
  const row = { node: version, engines: engines.join(' and '), outcome: '', ok: false }
  rows.push(row)
  const log = join(root, `${version}.log`)
  try {
    const found = await step(version, 'runtime', () => runtime(version, root, log))
    row.node = found.version
    if (engines.length === 1) console.log(`${found.version}: the suites of uws are skipped: ${WHY_NOT}`)
    const place: Place = { cwd: join(root, `copy-${version}`), runtime: found, log }
    mkdirSync(place.cwd)
    await step(version, 'copy', () => copy(REPOSITORY, place.cwd, log))
    await step(version, 'npm ci', () => install(place))
    await step(version, 'npm run build', () => build(place))
    await step(version, 'npm start', () => start(place, engines[0]))
    row.outcome = await step(version, 'tests', () => tests(place, engines))
    row.ok = true
    if (!values.keep) rmSync(place.cwd, { recursive: true, force: true })
  } catch (error) {
    row.outcome ||= `failed, see ${log}: ${(error as Error).message.split('\n', 1)[0]}`
    console.log((error as Error).message)
  }
}

async function step<T>(version: string, name: string, work: () => Promise<T>): Promise<T> {
  const from = performance.now()
  const result = await work()
  console.log(`${version}: ${name}, ${((performance.now() - from) / 1000).toFixed(1)} s`)
  return result
}

const ok = rows.every((row) => row.ok)
console.log('\n| Node | engines | npm ci, build, start | tests |\n| --- | --- | --- | --- |')
for (const row of rows)
  console.log(`| ${row.node} | ${row.engines} | ${row.ok ? 'ok' : 'not all'} | ${row.outcome} |`)
if (ok && !values.keep) rmSync(root, { recursive: true, force: true })
process.exitCode = ok ? 0 : 1
