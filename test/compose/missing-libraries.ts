/** The libraries that `ldd` did not find, in order. */
export function missingLibraries(text: string): string[] {
  return [...text.matchAll(/^\s*(\S+) => not found$/gm)].map(([, name]) => name!).toSorted()
}
