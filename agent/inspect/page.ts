/** `GET /dashboard` and below it: the dashboard's inspector, which the build puts beside the compiled agent. */
import { existsSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sendFile from 'send'
import { Problem } from '../../shared/errors.js'
import { sendProblem } from './reply.js'

/** Each exchange has an address of its own, below this. */
const VIEW = 'inspector'

/** `path` begins with `/dashboard`. A file that is not there is a `not_found`. */
export function sendPage(
  root: string,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const below = path.slice('/dashboard'.length).replace(/^\//, '')
  const [first] = below.split('/', 1)
  const file = below === '' || first === VIEW || !below.includes('.') ? 'index.html' : below
  const missing = (): void =>
    sendProblem(response, new Problem('not_found', 'the inspector has no such file'))
  sendFile(request, file, { root, cacheControl: false, acceptRanges: false })
    .on('headers', () => response.setHeader('cache-control', 'no-cache'))
    .on('directory', missing)
    .on('error', missing)
    .pipe(response)
}

/** In the package's `dist`, or in that of a checkout, whose build lies at its root. @throws Error where it is in neither. */
export function pageFolder(): string {
  const places = ['../../page/', '../../../agent/dist/page/']
  const paths = places.map((place) => fileURLToPath(new URL(place, import.meta.url)))
  const found = paths.find((path) => existsSync(join(path, 'index.html')))
  if (found === undefined) throw new Error(`the inspector's page is in none of ${paths.join(', ')}`)
  return found
}
