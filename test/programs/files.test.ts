/** Files: curl with ranges and resumed transfers, wget over a whole site, Python as client and server. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createWriteStream, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import send from 'send'
import t, { type Test } from 'tap'
import { folder, installed, listening, runProgram, startTunnel } from '../helpers/processes.js'

const listOf = (path: string): string[] => readdirSync(path, { recursive: true, encoding: 'utf8' }).toSorted()

/** GET with ranges and conditions, and PUT. */
async function store(t: Test, root: string): Promise<number> {
  return listening(
    t,
    createServer((request, response) => {
      if (request.method !== 'PUT') {
        send(request, request.url!, { root }).pipe(response)
        return
      }
      request
        .pipe(createWriteStream(join(root, request.url!)))
        .on('finish', () => response.writeHead(201).end())
    }),
  )
}

t.test('curl takes ranges, goes on where it stopped, and uploads', installed('curl'), async (t) => {
  const root = folder(t)
  const here = folder(t)
  const bytes = randomBytes(2_000_000)
  writeFileSync(join(root, 'file'), bytes)
  const tunnel = await startTunnel(t, await store(t, root))
  const byHost = ['--connect-to', `${tunnel.host}:80:127.0.0.1:${tunnel.port}`]
  for (const [url, ...extra] of [[tunnel.url], [`http://${tunnel.host}`, ...byHost]]) {
    const curl = async (...args: string[]) => {
      const ran = await runProgram('curl', ['-sS', '--fail', ...extra, ...args], { cwd: here })
      t.equal(ran.code, 0, `curl ${args.join(' ')}: ${ran.err}`)
      return ran.out
    }
    await curl('-r', '1000-1999', '-o', 'range', `${url}/file`)
    t.ok(readFileSync(join(here, 'range')).equals(bytes.subarray(1000, 2000)))
    writeFileSync(join(here, 'part'), bytes.subarray(0, 777_777))
    await curl('-C', '-', '-o', 'part', `${url}/file`)
    t.ok(readFileSync(join(here, 'part')).equals(bytes), 'resumed')
    t.match(await curl('-I', `${url}/file`), /content-length: 2000000\r\n/i)
    const etag = /etag: (.*)\r\n/i.exec(await curl('-I', `${url}/file`))![1]!
    t.equal(
      await curl('-o', 'none', '-w', '%{http_code}', '-H', `If-None-Match: ${etag}`, `${url}/file`),
      '304',
    )
    // curl asks for 100-continue here.
    await curl('-T', 'part', `${url}/up`)
    t.ok(readFileSync(join(root, 'up')).equals(bytes), 'uploaded')
    await curl('-T', 'part', '-H', 'Transfer-Encoding: chunked', `${url}/chunked`)
    t.ok(readFileSync(join(root, 'chunked')).equals(bytes), 'uploaded in chunks')
  }
  const { code } = await runProgram('curl', ['-sS', '--fail', `${tunnel.url}/missing`], { cwd: here })
  t.equal(code, 22, 'what is not there is not there')
})

/** `python3 -m http.server` on a free port. */
async function pythonServer(t: Test, root: string): Promise<number> {
  const args = ['-u', '-m', 'http.server', '0', '--bind', '127.0.0.1', '--protocol', 'HTTP/1.1']
  const child = spawn('python3', args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => void child.kill('SIGKILL'))
  for await (const line of createInterface(child.stdout)) {
    const port = / port (\d+) /.exec(line)?.[1]
    if (port !== undefined) return Number(port)
  }
  throw new Error('it does not listen')
}

t.test('wget fetches a site that Python serves', installed('wget', 'python3'), async (t) => {
  const root = folder(t)
  const here = folder(t)
  mkdirSync(join(root, 'a b/deep'), { recursive: true })
  writeFileSync(
    join(root, 'index.html'),
    '<a href="a%20b/page.html">1</a> <img src="image.png"> <a href="a%20b/deep/">2</a>',
  )
  writeFileSync(
    join(root, 'a b/page.html'),
    '<a href="../index.html">up</a> <a href="deep/large.bin">down</a>',
  )
  writeFileSync(join(root, 'a b/deep/large.bin'), randomBytes(300_000))
  writeFileSync(join(root, 'a b/deep/index.html'), '<a href="gr%C3%BCn.txt">3</a>')
  writeFileSync(join(root, 'a b/deep/grün.txt'), 'grün')
  writeFileSync(join(root, 'image.png'), randomBytes(5000))
  const tunnel = await startTunnel(t, await pythonServer(t, root))
  const args = [
    '-q',
    '-r',
    '-np',
    '-nH',
    '--cut-dirs=2',
    '--restrict-file-names=nocontrol',
    '-e',
    'robots=off',
  ]
  const { code, err } = await runProgram('wget', [...args, `${tunnel.url}/`], { cwd: here })
  t.equal(code, 0, err)
  t.same(listOf(here), listOf(root))
  for (const name of ['a b/deep/large.bin', 'a b/deep/grün.txt', 'image.png'])
    t.ok(readFileSync(join(here, name)).equals(readFileSync(join(root, name))), name)
})

const CLIENT = `
import hashlib, http.client, json, sys, urllib.request
url, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
body = bytes(range(256)) * 4096
connection = http.client.HTTPConnection('127.0.0.1', port)
told = []
for i in range(3):
    connection.request('PUT', '/py%d' % i, body=body if i else iter([body, b'x']), headers={'Host': host}, encode_chunked=not i)
    told.append(connection.getresponse().read() == b'')
with urllib.request.urlopen(urllib.request.Request(url + '/py1', headers={'Range': 'bytes=10-'})) as answer:
    told.append(answer.status == 206 and answer.read() == body[10:])
try:
    urllib.request.urlopen(url + '/missing')
except urllib.error.HTTPError as error:
    told.append(error.code == 404)
print(json.dumps(told))
`

t.test('Python uploads and downloads', installed('python3'), async (t) => {
  const root = folder(t)
  const tunnel = await startTunnel(t, await store(t, root))
  const args = ['-c', CLIENT, tunnel.url, tunnel.host, String(tunnel.port)]
  const { out, err } = await runProgram('python3', args, { cwd: root })
  t.same(JSON.parse(out || 'null'), [true, true, true, true, true], err)
  t.equal(readFileSync(join(root, 'py0')).length, 256 * 4096 + 1)
})
