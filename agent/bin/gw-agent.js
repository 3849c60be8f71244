#!/usr/bin/env node
import { existsSync } from 'node:fs'

const main = new URL('../dist/agent/main.js', import.meta.url)
if (existsSync(main)) await import(main.href)
else {
  console.error('gw-agent is not built: run `npm run build` first.')
  process.exitCode = 1
}
