/** The dashboard's files, read once: what each is served as, plain and packed, and under which names. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { readVendor } from './vendor.js'

export interface Asset {
  readonly type: string
  readonly body: Buffer
  /** With gzip; undefined where that saves nothing. Brotli would be tried by browsers only under https. */
  readonly packed: Buffer | undefined
  /** Quoted; of the content, so it is weak where that may also come packed. */
  readonly tag: string
}

export interface Assets {
  readonly index: Asset
  /** By path below `/dashboard/`, without a leading slash. */
  readonly files: ReadonlyMap<string, Asset>
  /** `@` and a hash over all files: below it each file has a name that never means another content. */
  readonly edition: string
}

/** A page that needs more is no dashboard, and a wrong `--ui-dir` (`/`) must not be read into memory. */
const MOST_FILES = 2000
const MOST_BYTES = 64 * 1024 * 1024
/** Below this the header of gzip costs what it saves. */
const PACK_FROM = 512

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.map': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
}

const pack = promisify(gzip)

/**
 * `directory`: of `--ui-dir`; the package's own page where it is not given.
 * @throws Error naming the directory that has no `index.html`, or too much below it.
 */
export async function loadAssets(directory: string = ownPage()): Promise<Assets> {
  const read = await readVendor()
  for (const [path, content] of await readTree(directory)) read.set(path, content)
  const index = read.get('index.html')
  if (index === undefined) throw new Error(`${directory} has no index.html, so it is no dashboard`)
  const hash = createHash('sha256')
  for (const path of [...read.keys()].sort()) hash.update(path).update('\0').update(read.get(path)!)
  const edition = `@${hash.digest('base64url').slice(0, 16)}`
  // The page names its files by edition: a browser that has them asks for nothing but the page.
  const named = index
    .toString('utf8')
    .replace(/(src|href)="\/dashboard\/([^"]+)"/g, (found, attribute: string, path: string) =>
      read.has(path) ? `${attribute}="/dashboard/${edition}/${path}"` : found,
    )
  read.set('index.html', Buffer.from(named))
  const files = new Map<string, Asset>()
  for (const [path, content] of read) files.set(path, await asset(path, content))
  return { index: files.get('index.html')!, files, edition }
}

async function asset(path: string, body: Buffer): Promise<Asset> {
  const packed = body.length < PACK_FROM ? body : await pack(body, { level: 9 })
  return {
    type: TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream',
    body,
    packed: packed.length < body.length ? packed : undefined,
    tag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
  }
}

/** Regular files only: a symbolic link is not followed out of the directory. */
async function readTree(directory: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(
    (cause: unknown) => {
      throw new Error(`--ui-dir: ${directory} is no directory that can be read`, { cause })
    },
  )
  const found = new Map<string, Buffer>()
  let bytes = 0
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const content = await readFile(file)
    bytes += content.length
    if (found.size === MOST_FILES || bytes > MOST_BYTES)
      throw new Error(`${directory} holds more than ${MOST_FILES} files or 64 MiB, so it is no dashboard`)
    found.set(relative(directory, file).split(sep).join('/'), content)
  }
  return found
}

/** Beside the package's `dist`, or in a checkout, whose build lies at its root. */
function ownPage(): string {
  const places = ['../../../dashboard/page/', '../../../gateway/dashboard/page/']
  const paths = places.map((place) => fileURLToPath(new URL(place, import.meta.url)))
  const found = paths.find((path) => existsSync(join(path, 'index.html')))
  if (found === undefined) throw new Error(`the dashboard's page is in none of ${paths.join(', ')}`)
  return found
}
