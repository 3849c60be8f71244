/** The gateway's part that runs sessions, on a real port, and real agents that dial it. */
import type { Test } from 'tap'
import { Agent, type AgentOptions } from '../../agent/index.js'
import { EVERYBODY } from '../../gateway/access/principal.js'
import { Acceptor } from '../../gateway/agents/accept.js'
import { Dispatcher } from '../../gateway/agents/dispatch.js'
import type { Instance } from '../../gateway/agents/instance.js'
import { Registry } from '../../gateway/agents/registry.js'
import type { EngineHandlers } from '../../gateway/edge/engine.js'
import { loadEngine } from '../../gateway/edge/engines.js'
import { TunnelRunner } from '../../gateway/sessions/tunnel-runner.js'
import { MAX_MESSAGE } from '../../shared/limits.js'
import { createLogger } from '../../shared/log.js'
import { WindowPool } from '../../shared/window.js'
import { ANYBODY } from './rights.js'

export const tunnelId = (n: number): string => `agent_550e8400-e29b-41d4-a716-44665544000${n}_prod`

export interface RunRig {
  readonly runner: TunnelRunner
  readonly registry: Registry
  readonly dispatcher: Dispatcher
  readonly url: string
  /** Who serves callers; nobody until it is set. */
  callers: EngineHandlers
  readonly instances: () => Instance[]
  /** Connected when it resolves; gone when the test ends. */
  agent(options: Partial<AgentOptions>): Promise<Agent>
}

export async function startRunner(t: Test, { failover = 10_000 } = {}): Promise<RunRig> {
  const log = createLogger({ level: 'error', write() {} })
  const now = (): number => performance.now()
  const registry = new Registry(now)
  const dispatcher = new Dispatcher(registry, { policy: 'first', queueTimeout: 1000, holdMax: 100 }, now)
  const acceptor = new Acceptor(registry, ANYBODY, {
    version: '0',
    pingInterval: 15_000,
    pingTimeout: 10_000,
    helloTimeout: 5000,
    maxStreams: 1000,
    maxResets: 200,
    pool: new WindowPool(),
    log,
    now,
    urls: () => [],
  })
  const limits = { maxMessage: MAX_MESSAGE, maxBackpressure: 8 * 1024 * 1024 }
  const factory = await loadEngine('node', log)
  const engine = factory(
    {
      host: '127.0.0.1',
      port: 0,
      ...limits,
      links: { path: '/ws', ...limits },
      onError: (error) => t.error(error),
    },
    {
      request: (caller) => rig.callers.request(caller),
      upgrade(upgrade) {
        if (upgrade.caller.head.target.startsWith('/ws?')) acceptor.accept(upgrade, EVERYBODY)
        else rig.callers.upgrade(upgrade)
      },
    },
  )
  const port = await engine.listen()
  const settings = { policy: 'first' as const, sessionFailover: failover }
  const runner = new TunnelRunner({ registry, dispatcher, settings, now })
  const agents: Agent[] = []
  t.teardown(async () => {
    for (const agent of agents) agent.destroy()
    runner.close()
    dispatcher.close()
    await engine.close()
  })
  const rig: RunRig = {
    runner,
    registry,
    dispatcher,
    url: `http://127.0.0.1:${port}`,
    callers: { request: (caller) => caller.cut(), upgrade: ({ caller }) => caller.cut() },
    instances: () => [...registry.all],
    async agent(options) {
      const agent = new Agent({ gateway: `http://127.0.0.1:${port}`, tunnelId: tunnelId(1), ...options })
      agents.push(agent)
      await agent.start()
      return agent
    },
  }
  return rig
}
