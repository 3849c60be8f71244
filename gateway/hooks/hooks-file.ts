/** `hooks.yaml`: which commands run when something happens. */
import { resolve } from 'node:path'
import type { FileNode } from '../../shared/config-file.js'
import type { Report } from '../../shared/option-spec.js'
import type { EventType } from '../events/event.js'
import { eventTypes, unknownEvent } from '../events/pattern.js'
import { type Entry, readEntries } from './entry.js'
import { hookVariableFault } from './environment.js'
import { readPlace } from './place.js'

export interface HookDefinition {
  readonly name: string
  /** As it was written: an exact name, or a prefix with `*`. */
  readonly event: string
  readonly types: ReadonlySet<EventType>
  /** A text goes to the shell, a list is a program and its arguments. */
  readonly command: string | readonly string[]
  readonly timeoutMs: number
  readonly enabled: boolean
  /** Absolute. */
  readonly workingDir: string
  /** Of the hooks of one event, the one with the most starts first. */
  readonly priority: number
  readonly description: string | undefined
  readonly env: Readonly<Record<string, string>>
}

const KEYS = 'name event command timeout enabled working_dir priority description env'.split(' ')
const TIMEOUT_MS = 30_000

/** `given`: `--hooks-dir`. @throws UsageError with every mistake in the file. @returns undefined without a file. */
export function loadHooks(given: string | undefined): HookDefinition[] | undefined {
  return readPlace({ given, otherwise: 'hooks', file: 'hooks.yaml' }, parseHooks)
}

/** `directory`: where commands run that name no other. Once `report` was called the result is not to be used. */
export function parseHooks(root: FileNode, directory: string, report: Report): HookDefinition[] {
  const hooks: HookDefinition[] = []
  const names = new Set<string>()
  for (const entry of readEntries(root, 'hooks', report)) {
    if (entry.finished(KEYS) === undefined) continue
    const name = entry.name() ?? ''
    if (name !== '' && names.has(name))
      entry.refuse('name', `name ${JSON.stringify(name)} stands there already`)
    names.add(name)
    for (const key of ['event', 'command'])
      if (!entry.has(key)) entry.refuse(undefined, `the hook has no ${key}`)
    const event = entry.text('event', 'the name of an event, or a prefix with *') ?? ''
    hooks.push({
      name,
      event,
      types: new Set(typesOf(entry, event)),
      command: entry.command() ?? '',
      timeoutMs: entry.duration('timeout', 1) ?? TIMEOUT_MS,
      enabled: entry.boolean('enabled') ?? true,
      workingDir: resolve(directory, entry.text('working_dir', 'a directory') ?? '.'),
      priority: entry.integer('priority') ?? 0,
      description: entry.text('description'),
      env: entry.texts('env', hookVariableFault),
    })
  }
  return hooks
}

function typesOf(entry: Entry, event: string): readonly EventType[] {
  const types = eventTypes(event)
  if (types.length === 0 && event !== '') entry.refuse('event', `event ${unknownEvent(event)}`)
  return types
}
