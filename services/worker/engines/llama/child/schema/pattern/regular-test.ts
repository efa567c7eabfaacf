/** Whether a pattern is found in a text; null when the pattern is none for JavaScript. */
export function regularTest(pattern: string, text: string): boolean | null {
  try {
    return new RegExp(pattern, 'u').test(text)
  } catch {
    return null
  }
}
