/** The commands of a chat: what they are called, what they do, and how they are completed. */

interface ChatCommand {
  name: string
  /** As the help writes it. */
  usage: string
  does: string
}

const command = (name: string, argument: string, does: string): ChatCommand => ({
  name,
  usage: argument === '' ? `/${name}` : `/${name} ${argument}`,
  does
})

const CHAT_COMMANDS: readonly ChatCommand[] = [
  command('model', 'NAME', 'ask another model'),
  command('models', '', 'list the models'),
  command('system', 'TEXT', 'tell the model first'),
  command('set', 'NAME VALUE', 'change how it answers'),
  command('retry', '', 'ask the last question again'),
  command('clear', '', 'forget the conversation'),
  command('save', 'FILE', 'write it to a file'),
  command('explain', '', 'say why a worker is chosen'),
  command('help', '', 'this list, as /?'),
  command('exit', '', 'leave, as /bye and Ctrl-D')
]

export const isCommand = (name: string): boolean => CHAT_COMMANDS.some((each) => each.name === name)

/** Other words for some of them. */
const ALSO = new Map([
  ['?', 'help'],
  ['bye', 'exit'],
  ['quit', 'exit']
])

export const commandNamed = (word: string): string => ALSO.get(word) ?? word

export const CHAT_HELP = `${columns(CHAT_COMMANDS.map(({ usage, does }) => [usage, does]))}
  """ begins and ends a text of several lines; what is pasted stays together.
  Ctrl-C stops an answer.`

/** The parameters that `/set` knows. */
export const SETTABLE = ['temperature', 'top-p', 'max-tokens', 'seed', 'stop', 'system'] as const
export type Settable = (typeof SETTABLE)[number]

/** As `readline` wants it: what the line can become, and the part that they replace. */
export function completionsFor(line: string, models: readonly string[]): [string[], string] {
  const ofModel = /^\/model\s+(\S*)$/.exec(line)?.[1]
  if (ofModel !== undefined) return [beginningWith(ofModel, models), ofModel]
  const ofSet = /^\/set\s+(\S*)$/.exec(line)?.[1]
  if (ofSet !== undefined) return [beginningWith(ofSet, SETTABLE), ofSet]
  if (!/^\/\S*$/.test(line)) return [[], line]
  const words = [...CHAT_COMMANDS.map(({ name }) => `/${name}`), '/bye']
  return [beginningWith(line, words), line]
}

/** A space after the only one, so that its argument can be typed at once. */
function beginningWith(text: string, words: readonly string[]): string[] {
  const found = words.filter((word) => word.startsWith(text))
  return found.length === 1 ? [`${found[0]} `] : found
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([first]) => first.length))
  const cells = rows.map(([first, second]) => `${first.padEnd(width + 3)}${second}`)
  const [left, right] = [cells.slice(0, cells.length / 2), cells.slice(cells.length / 2)]
  const leftWidth = Math.max(...left.map((cell) => cell.length))
  return left.map((cell, i) => `  ${cell.padEnd(leftWidth + 3)}${right[i]}`).join('\n')
}
