import { CASES } from './cases.js'
import { suite } from './suite.js'

suite('node', CASES)
