/** `text`, of chars up to 255, in memory of its own: V8 keeps a part by keeping the whole that it was cut from. */
export const ownText = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')
