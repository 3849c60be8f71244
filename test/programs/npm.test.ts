/** A package registry: `npm pack` makes what it holds, `npm install` takes it from there. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { folder, installed, listening, runProgram, startTunnel } from '../helpers/processes.js'

const QUIET = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']

t.test('npm installs from a registry', installed('npm'), async (t) => {
  const home = folder(t)
  const made = join(home, 'made')
  mkdirSync(made)
  const tarballs = new Map<string, Buffer>()
  const names = ['@scope/first', 'second']
  for (const name of names) {
    const needs = name === 'second' ? {} : { dependencies: { second: '^1.0.0' } }
    writeFileSync(
      join(made, 'package.json'),
      JSON.stringify({ name, version: '1.2.3', main: 'index.js', ...needs }),
    )
    writeFileSync(join(made, 'index.js'), `module.exports = ${JSON.stringify(name.repeat(50_000))}`)
    const { out, err } = await runProgram('npm', ['pack', '--json', ...QUIET], { cwd: made })
    const [{ filename }] = JSON.parse(out || `[{"filename":${JSON.stringify(err)}}]`)
    tarballs.set(name, readFileSync(join(made, filename)))
  }
  const asked: string[] = []
  const server = createServer(({ url = '', headers }, response) => {
    asked.push(url)
    const name = decodeURIComponent(url.slice(1)).replace(/\/-\/.*$/, '')
    const tarball = tarballs.get(name)
    if (tarball === undefined) response.writeHead(404).end('{}')
    else if (url.includes('/-/')) response.end(tarball)
    else {
      // As a registry behind a proxy does: links lead to where the caller came from.
      const base = `${headers['x-forwarded-proto']}://${headers['x-forwarded-host']}${headers['x-forwarded-prefix']}`
      const { dependencies } =
        name === 'second' ? ({} as Record<string, undefined>) : { dependencies: { second: '^1.0.0' } }
      const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
      const dist = { tarball: `${base}/${name}/-/it-1.2.3.tgz`, integrity }
      const versions = { '1.2.3': { name, version: '1.2.3', dependencies, dist } }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ name, 'dist-tags': { latest: '1.2.3' }, versions }))
    }
  })
  const tunnel = await startTunnel(t, await listening(t, server))
  const user = join(home, 'user')
  mkdirSync(user)
  writeFileSync(join(user, 'package.json'), '{"private":true}')
  const args = ['install', '@scope/first', `--registry=${tunnel.url}/`, ...QUIET]
  const { code, err } = await runProgram('npm', args, {
    cwd: user,
    env: { npm_config_cache: join(home, 'cache') },
  })
  t.equal(code, 0, err)
  t.ok(asked.includes('/@scope%2ffirst'), 'the slash in a scope stays encoded')
  const check = `console.log(require('@scope/first').length + require('second').length)`
  t.equal((await runProgram(process.execPath, ['-e', check], { cwd: user })).out, '900000\n')
})
