/** What callers and agents may send, field by field; the only file that knows zod. OpenAPI is made from the same. */
import { z } from 'zod'
import { Problem } from '../errors.js'
import { POLICY_NAMES } from '../policies.js'
import { parseTunnelId } from '../tunnel-id.js'
import {
  MAX_ANSWER,
  MAX_EVENT,
  MAX_EVENTS_PAGE,
  MAX_INPUT,
  MAX_METADATA,
  MAX_PAGE,
  MAX_USAGE,
} from './bounds.js'

const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '')

/** A JSON object of so many bytes. */
const object = (most: number) =>
  z
    .record(z.string(), z.unknown())
    .refine((value) => jsonBytes(value) <= most, `has more than ${most} bytes as JSON`)

const printable = (most: number) =>
  z
    .string()
    .min(1, 'is empty')
    .max(most, `has more than ${most} characters`)
    .refine((value) => !/[\u0000-\u001f\u007f]/.test(value), 'holds a control character')

const label = z.string().regex(/^[^=,]+=[^,]+$/, 'is not key=value')
const labels = z
  .union([z.array(label).max(64), z.record(z.string(), z.string()), z.string()])
  .transform((given) => {
    if (typeof given === 'string') return given.split(',').map((part) => part.trim())
    return Array.isArray(given) ? given : Object.entries(given).map(([key, value]) => `${key}=${value}`)
  })
  .pipe(z.array(label).min(1, 'is empty').max(64, 'has more than 64'))

/** Strict: a misspelt criterion would widen the choice. */
export const agentSelector = z.strictObject({
  tunnel_id: printable(128)
    .transform((id) => parseTunnelId(id).id)
    .optional(),
  purpose: printable(64).toLowerCase().optional(),
  name: printable(63).toLowerCase().optional(),
  labels: labels.optional(),
  policy: z.enum(POLICY_NAMES).optional(),
})

export const createBody = z.object({
  user_id: printable(256),
  workspace_dir: printable(4096).nullish(),
  metadata: object(MAX_METADATA).optional(),
  agent: agentSelector.nullish(),
})

export const patchBody = z.object({
  metadata: object(MAX_METADATA).optional(),
  workspace_dir: printable(4096).nullish(),
})

export const executeBody = z.object({
  user_input: z
    .string()
    .refine((text) => Buffer.byteLength(text) <= MAX_INPUT, `has more than ${MAX_INPUT} bytes`),
  context: object(MAX_INPUT).default({}),
  max_iterations: z.int().min(1).max(10_000).default(25),
  /** Of `POST …/execute`: answer with the event stream. */
  stream: z.boolean().default(true),
  /** Of a WebSocket: whether the run goes on without its caller. */
  detach: z.boolean().default(true),
})

export const inputData = z
  .unknown()
  .refine((value) => value !== undefined, 'is missing')
  .refine((value) => jsonBytes(value) <= MAX_ANSWER, `has more than ${MAX_ANSWER} bytes as JSON`)

/** Of a query, so numbers are texts. */
const count = (most: number) => z.coerce.number().int('is not a whole number').min(1).max(most)
const seq = z.coerce.number().int('is not a whole number').min(0)

export const listQuery = z.object({
  user_id: printable(256).optional(),
  status: z.enum(['idle', 'running']).optional(),
  limit: count(MAX_PAGE).default(50),
  cursor: z.string().max(64).optional(),
})

export const eventsQuery = z.object({ after: seq.optional(), limit: count(MAX_EVENTS_PAGE).default(200) })

export const socketQuery = z.object({ after: seq.optional() })

const runId = z.string().min(1, 'is empty').max(64)

/** What a caller says on a WebSocket; the members of `execute` are `executeBody`. */
export const socketMessage = z.discriminatedUnion('action', [
  z.object({ action: z.literal('execute') }),
  z.object({ action: z.literal('cancel'), run_id: runId }),
  z.object({ action: z.literal('input'), run_id: runId, data: inputData }),
  z.object({ action: z.literal('ping') }),
])

export const idempotencyKey = printable(255)

const data = z.record(z.string(), z.unknown())

/** What an agent may yield. Further members of `data` stay; those beside it are ours to stamp and are dropped. */
export const yieldedEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), data: z.looseObject({ text: z.string() }) }),
  z.object({
    type: z.literal('tool_call'),
    data: z.looseObject({ id: z.string(), name: z.string(), input: z.unknown() }),
  }),
  z.object({
    type: z.literal('tool_result'),
    data: z.looseObject({ tool_call_id: z.string(), result: z.unknown() }),
  }),
  z.object({ type: z.literal('iteration_end'), data: z.looseObject({ iteration: z.number() }) }),
  z.object({
    type: z.literal('error'),
    data: z.looseObject({ code: z.string().default('agent_error'), message: z.string() }),
  }),
  z.object({ type: z.literal('status'), data }),
  z.object({ type: z.literal('auth_required'), data }),
  z.object({ type: z.literal('work_product'), data }),
  z.object({ type: z.literal('input_required'), data }),
  /** Ends the run; the engine records its own in its place. */
  z.object({
    type: z.literal('done'),
    data: z.object({ usage: object(MAX_USAGE).optional() }).default({}),
  }),
])

export type CreateBody = z.infer<typeof createBody>
export type PatchBody = z.infer<typeof patchBody>
export type ExecuteBody = z.infer<typeof executeBody>
export type ListQuery = z.infer<typeof listQuery>
export type EventsQuery = z.infer<typeof eventsQuery>
export type YieldedEvent = z.infer<typeof yieldedEvent>

/** @throws Problem `bad_request` whose detail names the field and its rule. */
export function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new Problem('bad_request', `${what}: ${describe(result.error)}`)
}

/** The event that one line of a run holds. @throws RangeError that says what is wrong with it. */
export function parseYield(line: string): YieldedEvent {
  if (line.length > MAX_EVENT || Buffer.byteLength(line) > MAX_EVENT)
    throw new RangeError(`the agent yielded an event of more than ${MAX_EVENT} bytes`)
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new RangeError('the agent yielded no JSON')
  }
  const result = yieldedEvent.safeParse(value)
  if (result.success) return result.data
  throw new RangeError(`the agent yielded an invalid event: ${describe(result.error)}`)
}

function describe(error: z.ZodError): string {
  const [issue] = error.issues
  const path = issue!.path.join('.')
  return path === '' ? issue!.message : `${path}: ${issue!.message}`
}
