/** Who may call, put together as the gateway does, with a clock and attempts that a test sees. */
import type { Test } from 'tap'
import { Access } from '../../gateway/access/access.js'
import type { AccessSettings } from '../../gateway/access/settings.js'
import { byteString } from '../../gateway/access/tokens.js'
import type { RequestHead } from '../../gateway/edge/engine.js'
import type { Happening } from '../../gateway/events/event.js'
import type { Mode } from '../../gateway/options/access.js'
import { Problem } from '../../shared/errors.js'
import { createLogger } from '../../shared/log.js'
import { directoryFor } from './directory.js'

export const ROOT = 'a-root-secret-of-some-length'
export const PASSWORD = 'correct horse ü'
export const ADDRESS = '192.0.2.1'

export function head(headers: string[], target = '/'): RequestHead {
  return { method: 'GET', target, headers, remoteAddress: ADDRESS, secure: false }
}

export const basic = (password: string, user = 'any'): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** The Problem that it ends with. */
export async function problem(work: () => unknown): Promise<Problem> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('nothing was refused')
}

export interface Rig {
  access: Access
  /** What the attempts of an address came to, in order. */
  counted: string[]
  told: Happening[]
  clock: { now: number }
  /** While this is set, addresses are refused. */
  blocked: { is: boolean }
  dataDir: string
}

/** `dataDir`: of a rig of before, for what is there after a restart. */
export function rig(
  t: Test,
  modes: Mode[],
  settings: Partial<AccessSettings> = {},
  now?: () => number,
  dataDir = directoryFor(t),
): Rig {
  const counted: string[] = []
  const told: Happening[] = []
  const clock = { now: Date.now() }
  const blocked = { is: false }
  const access = new Access({
    settings: {
      modes: new Set(modes),
      root: modes.includes('token') ? ROOT : undefined,
      password: modes.includes('password') ? byteString(PASSWORD) : undefined,
      jwt: undefined,
      warnings: [],
      ...settings,
    },
    dataDir,
    attempts: {
      check() {
        if (blocked.is) throw new Problem('rate_limited', 'too many failures')
      },
      failed: () => counted.push('failed'),
      succeeded: () => counted.push('succeeded'),
    },
    tell: (happening) => told.push(happening),
    log: createLogger({ write() {} }),
    now: now ?? (() => clock.now),
  })
  t.teardown(() => access.close())
  return { access, counted, told, clock, blocked, dataDir }
}
