/** The dashboard's files: what is served under which name, how it may be kept, and what is not served at all. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { type Assets, loadAssets } from '../../gateway/dashboard/assets.js'
import { dashboardAnswer, dashboardFiles } from '../../gateway/dashboard/files.js'
import { getField } from '../../shared/headers.js'
import { PAGE_POLICY } from '../../shared/page-policy.js'

const own = await loadAssets()

function get(target: string, headers: string[] = [], assets: Assets = own) {
  const { head, body } = dashboardAnswer(assets, target, headers)
  return { status: head.status, field: (name: string) => getField(head.headers, name), body }
}
const page = own.index.body.toString()

t.test('the page is served at its address and at each of its views', async (t) => {
  for (const target of [
    '/dashboard',
    '/dashboard/',
    '/dashboard?x=1',
    '/dashboard/links',
    '/dashboard/inspector/a/b',
  ]) {
    const { status, field, body } = get(target)
    t.equal(status, 200, target)
    t.equal(field('content-type'), 'text/html; charset=utf-8', target)
    t.equal(field('cache-control'), 'no-cache', target)
    t.equal(body.toString(), page, target)
  }
  t.equal(get('/dashboard/links/1.2', ['sec-fetch-dest', 'document']).body.toString(), page)
  t.equal(get('/dashboard/links/1.2', ['accept', 'text/html,*/*']).body.toString(), page)
})

t.test('what every answer says', async (t) => {
  for (const target of ['/dashboard', '/dashboard/main.js', `/dashboard/${own.edition}/base.css`]) {
    const { field } = get(target)
    t.equal(field('content-security-policy'), PAGE_POLICY)
    t.equal(field('x-content-type-options'), 'nosniff')
    t.equal(field('referrer-policy'), 'no-referrer')
    t.equal(field('vary'), 'accept-encoding')
  }
  t.equal(
    PAGE_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  )
})

t.test('a file is kept by its tag, and for good under the name of its edition', async (t) => {
  const plain = get('/dashboard/main.js')
  t.equal(plain.field('content-type'), 'text/javascript; charset=utf-8')
  t.equal(plain.field('cache-control'), 'no-cache')
  const tag = plain.field('etag')!
  t.match(tag, /^W\/"[\w-]{22}"$/)
  for (const known of [tag, tag.slice(2), `"other", ${tag}`, '*']) {
    const again = get('/dashboard/main.js', ['if-none-match', known])
    t.equal(again.status, 304)
    t.equal(again.body.length, 0)
  }
  t.equal(get('/dashboard/main.js', ['if-none-match', '"other"']).status, 200)
  const fixed = get(`/dashboard/${own.edition}/main.js`)
  t.equal(fixed.field('cache-control'), 'public, max-age=31536000, immutable')
  t.same(fixed.body, plain.body)
})

t.test('it comes packed where that is taken', async (t) => {
  const plain = get('/dashboard/main.js').body
  for (const accepted of ['gzip', 'br, GZIP;q=0.5', '*', 'deflate, *;q=0.1']) {
    const packed = get('/dashboard/main.js', ['accept-encoding', accepted])
    t.equal(packed.field('content-encoding'), 'gzip', accepted)
    t.ok(packed.body.length < plain.length)
    t.same(gunzipSync(packed.body), plain)
  }
  for (const refused of ['identity', 'br', 'gzip;q=0', 'gzip;q=0.000, *', '*;q=0', ''])
    t.equal(
      get('/dashboard/main.js', ['accept-encoding', refused]).field('content-encoding'),
      undefined,
      refused,
    )
})

t.test('what is not there is not found, and nothing outside is looked for', async (t) => {
  for (const target of [
    '/dashboard/missing.js',
    '/dashboard/../package.json',
    '/dashboard/%2e%2e/package.json',
    '/dashboard/..%2fassets.ts',
    '/dashboard//etc/passwd.d',
    '/dashboard/vendor/../../assets.js',
    '/dashboard/@old/main.js',
    '/dashboard/@old',
    `/dashboard/${own.edition}/missing`,
    '/dashboard/constructor.js',
  ])
    t.throws(() => get(target), { code: 'not_found' }, target)
  t.throws(() => get('/dashboard/missing', ['sec-fetch-dest', 'script']), { code: 'not_found' })
})

t.test('the page asks for all of its modules at once, by edition, and for nothing else', async (t) => {
  const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name]) => name!)
  const prefix = `/dashboard/${own.edition}/`
  const asked = named.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  t.same(asked.sort(), [...own.files.keys()].filter((name) => name !== 'index.html').sort())
  t.same(
    named.filter((name) => !name.startsWith(prefix)),
    ['/connections', '/status'],
  )
  for (const [path, { body }] of own.files) {
    if (!path.endsWith('.js') || path.startsWith('vendor/')) continue
    const text = body.toString()
    const imports = [...text.matchAll(/\bfrom '([^']+)'/g)].map(([, name]) => name!)
    for (const name of imports) t.ok(own.files.has(name.slice(2)), `${path} imports ${name}`)
    t.notMatch(text, /innerHTML|dangerouslySetInnerHTML|document\.write|\beval\(|https?:\/\//, path)
  }
})

t.test('it weighs less than 300 KiB, unpacked', async (t) => {
  let bytes = 0
  let packed = 0
  for (const asset of own.files.values()) {
    bytes += asset.body.length
    packed += (asset.packed ?? asset.body).length
  }
  t.comment(`${Math.round(bytes / 1024)} KiB, ${Math.round(packed / 1024)} KiB packed`)
  t.ok(bytes < 300 * 1024)
})

t.test('a directory of the operator takes the place of the page', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'gw-ui-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  await t.rejects(loadAssets(directory), { message: `${directory} has no index.html, so it is no dashboard` })
  mkdirSync(join(directory, 'assets'))
  writeFileSync(
    join(directory, 'index.html'),
    '<script src="/dashboard/assets/a.js"></script><a href="/dashboard/x">',
  )
  writeFileSync(join(directory, 'assets/a.js'), 'import "./b.js"')
  writeFileSync(join(directory, 'secret'), 'mine')
  symlinkSync(join(directory, 'secret'), join(directory, 'link.txt'))
  const assets = await loadAssets(directory)
  const serve = await dashboardFiles(directory)
  const { head, body } = (await serve({ head: { target: '/dashboard', headers: [] } } as never)) as never
  t.equal(
    String(body),
    `<script src="/dashboard/${assets.edition}/assets/a.js"></script><a href="/dashboard/x">`,
    'files get the name of their edition, views keep theirs',
  )
  t.match(head, { status: 200 })
  t.equal(String(get('/dashboard/assets/a.js', [], assets).body), 'import "./b.js"')
  t.throws(() => get('/dashboard/link.txt', [], assets), { code: 'not_found' }, 'links are not followed')
  t.throws(
    () => get('/dashboard/main.js', [], assets),
    { code: 'not_found' },
    'nothing of the own page remains',
  )
  t.ok(get('/dashboard/vendor/preact.js', [], assets).body.length > 1000, 'the libraries do')
})
