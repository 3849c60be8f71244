/** A proxy that cuts its callers: each connection after so many events, or before a word of the answer. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Test } from 'tap'

/**
 * How many recorded events one answer may carry; undefined: all. -1: not even its head, though the request arrives;
 * `drop`: nor does the request.
 */
export type Cut = (method: string, target: string) => number | 'drop' | undefined

export interface CuttingProxy {
  readonly url: string
  /** `METHOD target` of each request, in order. */
  readonly requests: string[]
}

export async function cuttingProxy(t: Test, upstream: string, cut: Cut): Promise<CuttingProxy> {
  const requests: string[] = []
  const port = Number(new URL(upstream).port)
  const server = http.createServer((request, response) => {
    const most = cut(request.method!, request.url!)
    requests.push(`${request.method} ${request.url}`)
    if (most === 'drop') {
      request.socket.destroy()
      return
    }
    const onward = http.request({ port, method: request.method, path: request.url, headers: request.headers })
    request.pipe(onward)
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    onward.on('response', (answer) => {
      if (most !== undefined && most < 0) {
        request.socket.destroy()
        return
      }
      response.writeHead(answer.statusCode!, answer.headers).flushHeaders()
      if (most === undefined) answer.pipe(response)
      else passSome(answer, response, most)
    })
  })
  server.on('upgrade', (request, socket: Duplex) => {
    requests.push(`UPGRADE ${request.url}`)
    const { headers, url: path } = request
    const onward = http.request({ port, path, headers }).end()
    onward.on('error', () => socket.destroy())
    onward.on('upgrade', (answer, far) => {
      const fields = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields.join('')}\r\n`)
      socket.on('error', () => far.destroy())
      far.on('error', () => socket.destroy())
      socket.pipe(far).pipe(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

/** `session_info`, and so many events. */
function passSome(answer: http.IncomingMessage, response: http.ServerResponse, most: number): void {
  let rest = ''
  let left = most + 1
  answer.setEncoding('utf8').on('data', (text: string) => {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop()!
    for (const block of blocks) {
      if (left === 0) return
      left--
      // What was written is on its way before the cut.
      response.write(`${block}\n\n`, () => left === 0 && response.destroy())
    }
  })
}
