import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Running } from './process.js'

/** A process whose CPU and memory a round reads, under the name that the report gives it. */
export interface Member {
  readonly name: string
  readonly pid: number
}

/** Something that answers HTTP on 127.0.0.1, and the processes it is made of. */
export interface Service {
  readonly host: string
  /** What stands before every path: a tunnel's prefix, or nothing. */
  readonly base: string
  /** Fields that every request must show, as lines. */
  readonly headers: readonly string[]
  readonly members: readonly Member[]
  readonly processes: readonly Running[]
}

/** Waits for programs that say nothing when they are ready: an answer below 500 is one. */
export async function answering(
  processes: readonly Running[],
  host: string,
  headers: readonly string[] = [],
): Promise<void> {
  const end = performance.now() + 10_000
  for (;;) {
    for (const running of processes) running.check()
    const status = await ask(host, headers).catch(() => 0)
    if (status > 0 && status < 500) return
    if (performance.now() > end) throw new Error(`${processes.at(-1)?.name} does not answer on ${host}`)
    await sleep(20)
  }
}

/** `fetch` does not let its user name the host, which some peers go by. */
function ask(host: string, headers: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { agent: false, headers: fieldsOf(headers), timeout: 2_000 }
    const request = get(`http://${host}/`, options, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('timeout', () => request.destroy(new Error('no answer'))).on('error', reject)
  })
}

/** Header lines as Node's client takes them. */
export const fieldsOf = (lines: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  )

export async function closeService(service: Service): Promise<void> {
  await Promise.all(service.processes.map((running) => running.close()))
}

export function checkService(service: Service): void {
  for (const running of service.processes) running.check()
}
