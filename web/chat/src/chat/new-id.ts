/**
 * Names for conversations and messages. `crypto.randomUUID` is not there on a page that came over
 * plain HTTP from another machine; random bytes are.
 */
const BYTES = 16

export const newId = (): string =>
  [...crypto.getRandomValues(new Uint8Array(BYTES))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
