/** What a request is answered with that never became an exchange. */
import { Problem, type ProblemCode } from '../../shared/errors.js'
import { getField } from '../../shared/headers.js'
import type { Served } from '../api/api.js'
import { type Caller, NO_EVENTS, type RequestHead } from './engine.js'
import { problemReply, type Reply } from './reply.js'
import { FAILED, FAILED_BODY } from './response-head.js'

export interface Said extends Served {
  code?: ProblemCode
}

/** The caller did not wait for an answer. */
export const LEFT: Said = { status: 0, bytes: 0 }

export function answer(caller: Caller, requestId: string, { head, body }: Reply): Said {
  caller.events = NO_EVENTS
  caller.respond({ ...head, headers: [...head.headers, 'gw-request-id', requestId] }, body)
  return { status: head.status, bytes: body.length }
}

/**
 * What is no `Problem` is told to `onError`, and to the caller as a mere 500. Where more of the request may come its
 * connection ends, so that nothing is parsed behind it. `fields` are added to the answer.
 */
export function refuse(
  caller: Caller,
  error: unknown,
  requestId: string,
  fields: readonly string[],
  onError: (error: unknown) => void,
): Said {
  caller.events = NO_EVENTS
  if (!(error instanceof Problem)) {
    onError(error)
    caller.respond(FAILED, FAILED_BODY)
    return { status: FAILED.status, bytes: FAILED_BODY.length }
  }
  const { headers: asked } = caller.head
  const { head, body } = problemReply(error, requestId, asked, closes(caller.head, error))
  caller.respond(fields.length === 0 ? head : { ...head, headers: [...head.headers, ...fields] }, body)
  return { status: head.status, bytes: body.length, code: error.code }
}

/** A request without a body that was merely not found can be followed by another; an ambiguous one cannot. */
const closes = ({ headers, excess }: RequestHead, problem: Problem): boolean =>
  excess === true ||
  problem.code === 'bad_request' ||
  problem.code === 'head_too_large' ||
  getField(headers, 'content-length') !== undefined ||
  getField(headers, 'transfer-encoding') !== undefined
