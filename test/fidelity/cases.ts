import { ANSWER_CASES } from './cases-answers.js'
import { ENDING_CASES } from './cases-endings.js'
import { ENGINE_CASES } from './cases-engines.js'
import { FIELD_CASES } from './cases-fields.js'
import { FLOW_CASES } from './cases-flow.js'
import { FRAMING_CASES } from './cases-framing.js'
import { GATEWAY_CASES } from './cases-gateway.js'
import { METHOD_CASES } from './cases-methods.js'
import type { Case } from './script.js'

/** The large ones first, so that the others run beside them. */
export const CASES: readonly Case[] = [
  ...ANSWER_CASES,
  ...ENDING_CASES,
  ...FLOW_CASES,
  ...FRAMING_CASES,
  ...ENGINE_CASES,
  ...GATEWAY_CASES,
  ...METHOD_CASES,
  ...FIELD_CASES,
]
