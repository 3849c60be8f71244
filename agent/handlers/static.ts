/**
 * A directory's files. `send` answers, inside an HTTP server that listens nowhere: requests reach it over pairs of
 * streams by the same way as any upstream's.
 */
import { statSync } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { join, resolve, sep } from 'node:path'
import { duplexPair } from 'node:stream'
import send from 'send'
import type { Handler } from '../handler.js'
import { Upstream } from '../upstream.js'
import type { Connect } from '../upstream-socket.js'
import { forwardRequest } from './forward.js'
import { respondText } from './text.js'

/** As much as a link carries; by itself the server takes less. */
const MAX_HEAD = 256 * 1024

/** @throws TypeError where `folder` is no directory. */
export function serveStatic(folder: string): Handler {
  const root = resolve(folder)
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
    throw new TypeError(`static: ${root} is not a directory`)
  const server = createServer({ maxHeaderSize: MAX_HEAD, keepAliveTimeout: 0 }, (request, response) => {
    void answer(root, request, response)
  })
  const upstream = new Upstream(within(server))
  return {
    serve: (exchange) => forwardRequest(exchange, upstream, 'localhost', `static ${root}`),
    websocket: (exchange) => respondText(exchange, 501, 'This agent serves files, no WebSockets.'),
    destroy: () => upstream.destroy(),
  }
}

/** Connections that never leave the process. */
function within(server: Server): Connect {
  return (connected) => {
    const [near, far] = duplexPair()
    // A torn end is the other's to tell.
    far.on('error', () => {})
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    server.emit('connection', far)
    process.nextTick(connected, null)
    return near
  }
}

async function answer(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = '/' } = request
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    refuse(response, 405)
    return
  }
  const [path = '/'] = url.split('?')
  if (!(await isServed(root, path))) {
    refuse(response, 404)
    return
  }
  send(request, path, { root, cacheControl: false })
    // Who holds a copy asks whether it is still good; who may see it is for the gateway to say.
    .on('headers', (response: ServerResponse) => response.setHeader('cache-control', 'no-cache'))
    .on('directory', (response: ServerResponse) => redirect(response, url))
    // What may not be seen is not there.
    .on('error', ({ status = 500 }: { status?: number }) => refuse(response, status === 403 ? 404 : status))
    .on('stream', (file: { bytesRead: number; on(event: 'end', listener: () => void): void }) => {
      // One that became shorter meanwhile must not leave its reader waiting for the rest.
      file.on('end', () => {
        if (file.bytesRead < Number(response.getHeader('content-length'))) response.destroy()
      })
    })
    .pipe(response)
}

/** A path leads to a file or directory inside `root`, wherever links lead. What is not there or no path is `send`'s affair. */
async function isServed(root: string, path: string): Promise<boolean> {
  try {
    const inside = await realpath(root)
    const asked = join(inside, decodeURIComponent(path))
    const places = path.endsWith('/') ? [asked, join(asked, 'index.html')] : [asked]
    for (const place of places) {
      const real = await realpath(place)
      if (real !== inside && !real.startsWith(inside.endsWith(sep) ? inside : inside + sep)) return false
      const found = await stat(real)
      if (!found.isFile() && !found.isDirectory()) return false
    }
  } catch {
    // Nothing is there that could lie outside.
  }
  return true
}

/** By a relative address, which holds under a prefix that only the gateway knows. */
function redirect(response: ServerResponse, url: string): void {
  const [path = '', ...query] = url.split('?')
  const last = path.slice(path.lastIndexOf('/') + 1)
  const search = query.length === 0 ? '' : `?${query.join('?')}`
  response.setHeader('location', `./${last}/${search}`)
  refuse(response, 301)
}

function refuse(response: ServerResponse, status: number): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  // What `send` set for the file; Content-Range of 416 and what is set above stay.
  for (const name of ['accept-ranges', 'cache-control', 'content-type', 'etag', 'last-modified'])
    response.removeHeader(name)
  const body = `${STATUS_CODES[status] ?? status}\n`
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
