/** What every program tells of itself, under the names that Prometheus's own libraries use. */
import { readdirSync } from 'node:fs'
import type { Exposition } from './exposition.js'

const STARTED = Date.now() / 1000 - process.uptime()

export function processMetrics(out: Exposition): void {
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
  const gauge = (name: string, help: string, value: number): void => out.gauge(name, help, [[{}, value]])
  out.counter('process_cpu_seconds_total', 'CPU time of the process.', [[{}, (user + system) / 1e6]])
  gauge('process_start_time_seconds', 'When the process began, since the epoch.', STARTED)
  gauge('process_resident_memory_bytes', 'Memory of the process.', rss)
  gauge('nodejs_heap_size_used_bytes', 'Heap in use.', heapUsed)
  gauge('nodejs_heap_size_total_bytes', 'Heap taken from the system.', heapTotal)
  gauge('nodejs_external_memory_bytes', 'Buffers and other memory outside the heap.', external)
  const descriptors = openDescriptors()
  if (descriptors !== undefined) gauge('process_open_fds', 'Open file descriptors.', descriptors)
}

/** Undefined where the system does not tell. */
function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return undefined
  }
}
