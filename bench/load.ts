import { findProgram, type Ground } from './ground.js'
import { endedChildrenNs } from './kernel.js'
import type { Running } from './process.js'

/** What a load generator is told; the one of our own gets it as JSON. */
export interface LoadOrder {
  readonly host: string
  readonly path: string
  /** Header lines of every request. */
  readonly headers: readonly string[]
  readonly connections: number
  readonly seconds: number
  /** False: every request has a connection of its own. */
  readonly reuse: boolean
  /** Bytes of a request body; 0 sends GET. */
  readonly upload: number
}

export interface LoadReport {
  readonly requests: number
  readonly bytes: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers outside 2xx and 3xx. */
  readonly refused: number
  /** Connections that failed, and answers that never came. */
  readonly broken: number
  /** CPU of the generator itself. */
  readonly cpuNs: number
}

type Counted = Omit<LoadReport, 'cpuNs'>

/** What wrk prints is for people and rounded; its script hook gives the numbers behind it. */
const SCRIPT = `done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"bytes":%d,"seconds":%f,"p50Ms":%f,"p99Ms":%f,"refused":%d,"broken":%d}\\n',
    summary.requests, summary.bytes, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.status, e.connect + e.read + e.write + e.timeout))
end
`

export const generatorName = (): 'wrk' | 'own' => (findProgram('wrk') ? 'wrk' : 'own')

/** How long a generator may take beyond its time. */
const GRACE_SECONDS = 20

let script: string | undefined

/** One load from one generator process, at full speed for the time that is asked. */
export async function runLoad(ground: Ground, order: LoadOrder): Promise<LoadReport> {
  const before = endedChildrenNs()
  const wrk = findProgram('wrk')
  if (!wrk) {
    const counted = await startGenerator(ground, order).report()
    return { ...counted, cpuNs: endedChildrenNs() - before }
  }
  const running = ground.start({ name: 'load', file: wrk, args: wrkArguments(ground, order) })
  const counted = await resultOf<Counted>(running, order.seconds)
  return { ...counted, cpuNs: endedChildrenNs() - before }
}

/** The generator of our own, for loads beside another one; it prints STARTED with its first answer's head. */
export function startGenerator(ground: Ground, order: LoadOrder) {
  const running = ground.startModule('load', 'generator.js', order)
  return {
    waitFor: (pattern: RegExp) => running.waitFor(pattern),
    report: () => resultOf<Counted>(running, order.seconds),
  }
}

/** What a process of the harness reports at its end, on a line of its own. */
export async function resultOf<Report>(running: Running, seconds: number): Promise<Report> {
  const output = await running.finish((seconds + GRACE_SECONDS) * 1000)
  const line = /^RESULT (.+)$/m.exec(output)?.[1]
  if (!line) throw new Error(`${running.name} gave no result: ${output.trim().slice(0, 500)}`)
  return JSON.parse(line) as Report
}

function wrkArguments(ground: Ground, order: LoadOrder): string[] {
  const url = `http://${order.host}${order.path}`
  const lines = [...order.headers, ...(order.reuse ? [] : ['Connection: close'])]
  return [
    ...['-t', '1', '-c', String(order.connections), '-d', `${Math.ceil(order.seconds)}s`, '--timeout', '10s'],
    ...[
      '-s',
      order.upload > 0 ? uploadScript(ground, order.upload) : (script ??= ground.write('wrk.lua', SCRIPT)),
    ],
    ...lines.flatMap((line) => ['-H', line]),
    url,
  ]
}

function uploadScript(ground: Ground, bytes: number): string {
  const body = `wrk.method = "POST"\nwrk.body = string.rep("x", ${bytes})\n`
  return ground.write('upload.lua', body + SCRIPT)
}
