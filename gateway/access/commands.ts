/** Commands about who may connect and call. */
import type { Command } from '../../shared/command.js'
import { deviceCommands } from './device-commands.js'
import { tokenCommands } from './token-commands.js'

export const accessCommands: readonly Command[] = [...tokenCommands, ...deviceCommands]
