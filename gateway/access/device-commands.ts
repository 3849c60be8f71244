/** `gw-gateway device …`. */
import { flag, text } from '../../shared/option-types.js'
import { ask } from './ask.js'
import { columns } from './columns.js'
import { placedCommand, write } from './placed.js'
import { askedRights, formatRights, rightsOptions, type ShownRights } from './rights.js'

const code = { type: text('CODE'), group: 'device', help: 'as the device shows it' } as const

interface ShownDevice extends ShownRights {
  readonly id: string
  readonly name: string
  readonly created_at: string
  readonly last_used_at: string | null
}

const approve = placedCommand({
  name: 'device approve',
  summary: 'let a device in that shows a pairing code',
  specs: { code, ...rightsOptions },
  argument: 'code',
  examples: [
    ['gw-gateway device approve K7QW2MPA', 'as an operator that may look'],
    ['gw-gateway device approve K7QW2MPA --role node --tunnel name:till-3', 'as a node'],
  ],
  resolve: (values, report) => {
    if (values.code === undefined) report('device approve needs the code that the device shows')
    return { code: values.code, ...askedRights(values, false, report) }
  },
  run: async (asked, dataDir) => {
    const device = await ask<ShownRights & { name: string }>(dataDir, 'device.approve', asked)
    await write(process.stdout, `approved ${device.name}: ${formatRights(device)}\n`)
  },
})

const reject = placedCommand({
  name: 'device reject',
  summary: 'forget a pairing code',
  specs: { code },
  argument: 'code',
  examples: [['gw-gateway device reject K7QW2MPA', 'it lets nobody in']],
  resolve: (values, report) => {
    if (values.code === undefined) report('device reject needs the code that the device shows')
    return { code: values.code }
  },
  run: async (asked, dataDir) => {
    const { name } = await ask<{ name: string }>(dataDir, 'device.reject', asked)
    await write(process.stdout, `rejected ${name}\n`)
  },
})

const list = placedCommand({
  name: 'device list',
  summary: 'list the devices that were let in',
  specs: { json: { type: flag(), group: 'output', help: 'as JSON' } },
  examples: [['gw-gateway device list', 'what there is']],
  resolve: (values) => values,
  run: async ({ json }, dataDir) => {
    const { devices } = await ask<{ devices: ShownDevice[] }>(dataDir, 'device.list')
    const rows = devices.map((device) => [
      device.id,
      device.name,
      formatRights(device),
      device.last_used_at ?? 'never',
    ])
    await write(
      process.stdout,
      json
        ? `${JSON.stringify(devices, null, 2)}\n`
        : columns([['ID', 'NAME', 'RIGHTS', 'LAST USED'], ...rows]),
    )
  },
})

export const deviceCommands = [approve, list, reject] as const
