/** What a terminal or a page would act on instead of showing it, so that foreign text cannot pass for ours. */

/** All of it: C0, DEL, C1, the line separators of Unicode, and what turns the direction of text. */
export const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Without tabs and line ends. */
export const CONTROL_IN_LINES =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** What of it JSON lets pass. */
export const BEYOND_JSON = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** One such character as JSON would write it. */
export function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}
