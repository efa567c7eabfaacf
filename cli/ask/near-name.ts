/** Whether one name is probably a slip of the pen for another. */

/** Nearly the same: but for case and signs, or one is the beginning of the other. */
export function isNear(a: string, b: string): boolean {
  const [one, other] = [plain(a), plain(b)]
  if (one === '' || other === '') return false
  return one === other || one.startsWith(other) || other.startsWith(one)
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
