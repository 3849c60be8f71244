import type { TaskRequest } from './task-request.js'

/** When a task runs. Times in milliseconds. */
export type Timing =
  | { readonly kind: 'interval'; readonly everyMs: number; readonly delayMs: number }
  /** Without a time zone: in the machine's own. */
  | { readonly kind: 'cron'; readonly pattern: string; readonly timezone: string | undefined }
  /** Once, at this time since the epoch. */
  | { readonly kind: 'at'; readonly at: number }
  /** Once, so long after the task was first seen. */
  | { readonly kind: 'after'; readonly delayMs: number }

/** What it does. */
export type Work =
  | {
      readonly kind: 'command'
      /** A text goes to the shell, a list is a program and its arguments. */
      readonly command: string | readonly string[]
      /** Absolute. */
      readonly workingDir: string
      readonly env: Readonly<Record<string, string>>
    }
  | { readonly kind: 'request'; readonly request: TaskRequest }
  /** A program's own; `signal` fires at the time limit and when the gateway ends. */
  | { readonly kind: 'code'; readonly run: (signal: AbortSignal) => unknown }

export interface Task {
  readonly name: string
  readonly timing: Timing
  readonly work: Work
  /** 0: none. */
  readonly timeoutMs: number
  /** One that is not runs only when somebody asks for it. */
  readonly enabled: boolean
  readonly description: string | undefined
}

/** As the file names it. */
export function typeOf(timing: Timing): 'interval' | 'cron' | 'one_shot' {
  return timing.kind === 'at' || timing.kind === 'after' ? 'one_shot' : timing.kind
}
