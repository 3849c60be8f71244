import { readFileSync } from 'node:fs'

/** Connections of a port of this machine that some process still holds at the port's end; Linux only. */
export function heldConnections(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const rows = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => readFileSync(file, 'utf8').split('\n'))
  return rows.filter((row) => {
    const [, local = '', remote = '', , , , , , , inode] = row.trim().split(/\s+/)
    return local.endsWith(`:${hex}`) && !remote.endsWith(':0000') && inode !== '0'
  }).length
}
