/** What a job gives to work with: an instruction, documents, or a conversation. */

export interface Material {
  /** What is to be done. Null: the input says only with what. */
  instruction: string | null
  /** Where the list of documents is, as a reference. */
  documents: string | null
  /** Where the messages of a conversation are, as a reference. */
  messages: string | null
  /** The input, where it is one text. */
  text: string | null
  /** Of the input, about. */
  characters: number
}

const NOTHING = { instruction: null, documents: null, messages: null, text: null }
const INSTRUCTIONS = ['instruction', 'instructions', 'prompt', 'question', 'task', 'text']
const INSTRUCTION_CHARACTERS_MAX = 2000

export function readMaterial(input: unknown): Material {
  const characters = typeof input === 'string' ? input.length : (JSON.stringify(input) ?? '').length
  return { characters, ...materialIn(input) }
}

function materialIn(input: unknown): Omit<Material, 'characters'> {
  if (typeof input === 'string' && input.trim() !== '') {
    return { ...NOTHING, text: input, instruction: instructionIn(input) }
  }
  if (Array.isArray(input) && input.length > 0) {
    return areMessages(input)
      ? { ...NOTHING, messages: 'job.input' }
      : { ...NOTHING, documents: 'job.input' }
  }
  if (typeof input !== 'object' || input === null) return NOTHING
  const fields = Object.entries(input)
  const instruction = INSTRUCTIONS.map((name) => (input as Record<string, unknown>)[name]).find(
    (value) => typeof value === 'string' && value.trim() !== ''
  )
  const list = fields.find(([name, value]) => isList(value) && /^[A-Za-z0-9_-]+$/.test(name))
  const isTalk = list !== undefined && areMessages(list[1] as unknown[])
  const at = list === undefined ? null : `job.input.${list[0]}`
  return {
    ...NOTHING,
    instruction: typeof instruction === 'string' ? instruction : null,
    documents: isTalk ? null : at,
    messages: isTalk ? at : null
  }
}

/** The first line, if it does not belong to the material that follows. */
function instructionIn(text: string): string | null {
  const [first = ''] = text.trim().split('\n', 1)
  return first.length <= INSTRUCTION_CHARACTERS_MAX ? first : null
}

const isList = (value: unknown): boolean => Array.isArray(value) && value.length > 0

const areMessages = (list: readonly unknown[]): boolean =>
  list.every(
    (each) => typeof each === 'object' && each !== null && 'role' in each && 'content' in each
  )
