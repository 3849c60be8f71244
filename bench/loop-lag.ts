import { writeSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Loaded into a gateway before its own code: tells on SIGUSR2 how late the loop has been since it was asked last. */
const RESOLUTION_MS = 10
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delays.enable()

let turn = 0

process.on('SIGUSR2', () => {
  // The delays contain the time for which the timer was set.
  const late = (ns: number): number => Math.max(0, ns / 1e6 - RESOLUTION_MS)
  const report = { maxMs: late(delays.max), p99Ms: late(delays.percentile(99)) }
  writeSync(2, `LOOP-LAG ${++turn} ${JSON.stringify(report)}\n`)
  delays.reset()
})
