import type { Ground } from './ground.js'
import type { Service } from './service.js'
import type { Build } from './tunnel.js'

/** One subject's turn in one round. */
export interface Trial {
  readonly ground: Ground
  readonly build: Build
  readonly subject: Service
  /** Undefined where the subject answers by itself. */
  readonly origin: Service | undefined
  readonly seconds: number
}
