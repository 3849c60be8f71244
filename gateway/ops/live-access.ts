import { UsageError } from '../../shared/options.js'
import { type AccessSettings, accessSettings } from '../access/settings.js'
import type { LiveOptions } from './live.js'

type Secrets = Pick<AccessSettings, 'root' | 'password'>

/** The root secret and the password follow their options and files; `secrets`: those of the start. */
export function followAccess(
  live: LiveOptions,
  secrets: Secrets,
  access: { renew(settings: Secrets): void },
): void {
  let current = secrets
  live.follow((options) => {
    const mistakes: string[] = []
    const { root, password } = accessSettings(options, (mistake) => void mistakes.push(mistake))
    if (mistakes.length > 0) throw new UsageError(mistakes)
    const changed = [
      ...(root === current.root ? [] : ['root secret']),
      ...(password === current.password ? [] : ['password']),
    ]
    if (changed.length === 0) return undefined
    const apply = (): void => {
      current = { root, password }
      access.renew(current)
    }
    return { changed, apply }
  })
}
