import { ANSWER_CASES } from './cases-answers.js'
import { FIELD_CASES } from './cases-fields.js'
import { METHOD_CASES } from './cases-methods.js'
import { suite } from './suite.js'

suite('uws', [...METHOD_CASES, ...ANSWER_CASES, ...FIELD_CASES])
