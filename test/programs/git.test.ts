/** git over HTTP: its own server side, `git http-backend`, behind a few lines of CGI. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { folder, installed, listening, runProgram, startTunnel } from '../helpers/processes.js'

const AUTHOR = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@b.test',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@b.test',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
}

/** CGI (RFC 3875), as far as git asks for it. */
function cgi(root: string, request: IncomingMessage, response: ServerResponse): void {
  const [path, query = ''] = request.url!.split('?')
  const { headers } = request
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      REMOTE_USER: 'a',
      REQUEST_METHOD: request.method,
      PATH_INFO: path,
      QUERY_STRING: query,
      CONTENT_TYPE: headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
      ...(headers['content-length'] !== undefined && { CONTENT_LENGTH: headers['content-length'] }),
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  request.pipe(child.stdin.on('error', () => {}))
  let head = Buffer.alloc(0)
  child.stdout.on('data', function take(chunk: Buffer) {
    head = Buffer.concat([head, chunk])
    const at = head.indexOf('\r\n\r\n')
    if (at < 0) return
    child.stdout.off('data', take)
    const fields = head
      .toString('latin1', 0, at)
      .split('\r\n')
      .map((line) => line.split(': ') as [string, string])
    const status = fields.find(([name]) => name === 'Status')?.[1]
    response.writeHead(status === undefined ? 200 : Number.parseInt(status, 10), Object.fromEntries(fields))
    response.write(head.subarray(at + 4))
    child.stdout.pipe(response)
  })
}

t.test('git clones, pushes and fetches', installed('git'), async (t) => {
  const root = folder(t)
  const git = async (...args: string[]) => {
    const { code, out, err } = await runProgram('git', args, { cwd: root, env: AUTHOR })
    t.equal(code, 0, `git ${args.join(' ')}: ${err}`)
    return out.trim()
  }
  await git('init', '--bare', '--initial-branch=main', 'there.git')
  const port = await listening(
    t,
    createServer((request, response) => cgi(root, request, response)),
  )
  const tunnel = await startTunnel(t, port)
  const remote = `${tunnel.url}/there.git`

  await git('clone', '--quiet', remote, 'one')
  const bytes = randomBytes(3_000_000)
  writeFileSync(join(root, 'one/large'), bytes)
  await git('-C', 'one', 'add', '.')
  await git('-C', 'one', 'commit', '--quiet', '-m', 'first')
  // What is larger than its buffer git sends in chunks.
  await git('-C', 'one', '-c', 'http.postBuffer=65536', 'push', '--quiet', 'origin', 'HEAD:main')
  t.equal(await git('-C', 'there.git', 'rev-parse', 'main'), await git('-C', 'one', 'rev-parse', 'HEAD'))

  await git('clone', '--quiet', remote, 'two')
  t.ok(readFileSync(join(root, 'two/large')).equals(bytes))
  writeFileSync(join(root, 'one/small'), 'x')
  await git('-C', 'one', 'add', '.')
  await git('-C', 'one', 'commit', '--quiet', '-m', 'second')
  await git('-C', 'one', 'push', '--quiet', 'origin', 'HEAD:main')
  await git('-C', 'two', 'pull', '--quiet', '--ff-only')
  t.equal(readFileSync(join(root, 'two/small'), 'utf8'), 'x')
  await git('-C', 'two', 'fsck', '--strict')
})
