/** The gateway as a process: from its first line to its exit code. */
import { resolve } from 'node:path'
import type { Started } from '../shared/command.js'
import type { Logger } from '../shared/log.js'
import { markOf } from '../shared/process-mark.js'
import { processLogger } from '../shared/program.js'
import { ControlServer } from './control/server.js'
import type { Verbs } from './control/verbs.js'
import { Gateway, VERSION } from './gateway.js'
import { backgroundOf } from './ops/background.js'
import { Reloader } from './ops/reload.js'
import type { StatusReport } from './ops/standing.js'
import type { LoadedGateway } from './options.js'

/** Serves until it is told to end. @returns the exit code. */
export async function serve(loaded: LoadedGateway, started: Started<LoadedGateway>): Promise<number> {
  const { values: options } = loaded
  const background = backgroundOf(process.env)
  // First: of two that start at once one must not get as far as the port.
  if (background !== undefined && !(await background.hold(options.dataDir))) return 0
  const log = processLogger(options)
  const ending = new Ending(log)
  const gateway = await Gateway.start({ ...options, log })
  const reloader = new Reloader({ gateway, loaded, again: started.again, log })
  const report = (): StatusReport => ({
    ...markOf(process.pid)!,
    url: gateway.url,
    version: VERSION,
    node: process.version,
    started_at: new Date(performance.timeOrigin).toISOString(),
    data_dir: resolve(options.dataDir),
    config: started.configFile ?? null,
    log_file: background?.logfile ?? null,
    draining: ending.begun,
    drain_timeout: gateway.options.drainTimeout,
  })
  const verbs: Verbs = {
    ...gateway.verbs,
    status: report,
    config: () => reloader.settings,
    reload: () => reloader.reload(),
    stop: () => ending.begin('stop'),
  }
  const control = await ControlServer.listen(options.dataDir, verbs, log)
  process.on('SIGHUP', () => void reloader.reload().catch(() => {}))
  // Here commands find it: what waits for this line may use them.
  log.notice(`listening on ${gateway.url}`, { version: VERSION, config: started.configFile })
  log.flush()
  await background?.ready(gateway.url)
  await ending.told
  log.info('draining', { timeout_ms: gateway.options.drainTimeout })
  await gateway.stop()
  // Last: until then `status` says that it drains.
  await control?.close()
  log.info('stopped')
  log.flush()
  return 0
}

/** SIGINT, SIGTERM or `stop`: the first begins the end, a second signal ends the process at once. */
class Ending {
  readonly told: Promise<void>
  begun = false
  #resolve!: () => void
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
    this.told = new Promise((resolve) => {
      this.#resolve = resolve
    })
    const onSignal = (name: string): void => {
      if (this.begun) process.exit(1)
      this.begin(name)
    }
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  }

  /** Idempotent. */
  begin(by: string): void {
    if (!this.begun) this.#log.info('stopping', { by })
    this.begun = true
    this.#resolve()
  }
}
