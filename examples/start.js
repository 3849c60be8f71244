#!/usr/bin/env node
// What `npm start` runs: a gateway on port 3000 and one echo agent, as two real processes.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PORT = process.env.GW_PORT ?? '3000'
const URL_ = `http://127.0.0.1:${PORT}`
const command = (path) => fileURLToPath(new URL(path, import.meta.url))

const children = []
let ending = false

/** Resolves with the line that holds `text`; the child's lines are passed on. */
function start(name, file, args, text) {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  child.on('exit', (code) => {
    if (!ending) console.error(`${name} ended with code ${code}`)
    stop(code ?? 1)
  })
  return new Promise((resolve) => {
    let seen = ''
    child.stdout.on('data', (chunk) => {
      process.stdout.write(chunk)
      seen = `${seen}${chunk}`.slice(-4096)
      if (seen.includes(text)) resolve()
    })
  })
}

function stop(code) {
  if (!ending) for (const child of children) child.kill('SIGTERM')
  ending = true
  process.exitCode = code
}
process.on('SIGINT', () => stop(0))
process.on('SIGTERM', () => stop(0))

await start(
  'gw-gateway',
  command('../gateway/bin/gw-gateway.js'),
  ['--port', PORT, '--log-format', 'pretty'],
  'listening on',
)
await start(
  'gw-agent',
  command('../agent/bin/gw-agent.js'),
  ['--gateway', URL_, '--log-format', 'pretty'],
  'connected',
)
console.log(`
A gateway and an echo agent are running. Try:

  curl -X POST ${URL_.replace('127.0.0.1', 'localhost')}/forward -d '{"message":"Hello"}'
`)
