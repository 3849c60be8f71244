/** As many bytes are shown: enough to know what it is. */
const MOST = 4096

/** 00000010  68 65 6c 6c 6f …  hello */
export function hexOf(text) {
  const bytes = new TextEncoder().encode(text).subarray(0, MOST)
  const lines = []
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)]
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const read = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(47)}  ${read}`)
  }
  return lines.join('\n')
}
