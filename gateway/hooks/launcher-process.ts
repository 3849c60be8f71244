/**
 * The program that a `Launcher` starts: runs commands as it is told. It ends with the gateway, however that ends, and
 * takes every command with it.
 */
import { commandRunner } from './command.js'
import type { LauncherAnswer, LauncherRequest } from './launcher.js'

const run = commandRunner()
const stops = new Map<number, AbortController>()

async function begin(id: number, request: LauncherRequest & { kind: 'run' }): Promise<void> {
  const stop = new AbortController()
  stops.set(id, stop)
  const result = await run(request.spec, stop.signal)
  stops.delete(id)
  const answer: LauncherAnswer = { id, result }
  process.send?.(answer)
}

process.on('message', (request: LauncherRequest) => {
  if (request.kind === 'run') void begin(request.id, request)
  else stops.get(request.id)?.abort()
})
// The gateway is gone; `commandRunner` ends what runs as this process exits.
process.on('disconnect', () => process.exit())
// Meant for the gateway, where a terminal or a supervisor sends them to all: it still has hooks to run.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
