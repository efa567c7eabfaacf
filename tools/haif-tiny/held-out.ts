/**
 * What the model must never see in training, so that evaluate.ts can ask for it: one text in
 * twenty, chosen by the text alone. A sum is held out in every wording, a word in every task.
 */
export function isHeldOut(text: string): boolean {
  let hash = 2_166_136_261 // FNV-1a
  for (const char of text.toLowerCase()) hash = Math.imul(hash ^ char.charCodeAt(0), 16_777_619)
  hash ^= hash >>> 15
  return (hash >>> 0) % 20 === 0 || UNSEEN_NAMES.has(text.toLowerCase())
}

const UNSEEN_NAMES = new Set(
  'zorvan quillon brixley tamsin oduya kestrel mirabel dovrin ximena thaddeus'.split(' ')
)
