/** Completion of commands and options for shells, made from the commands themselves. Pure. */
import type { Command } from 'commander'

export type Shell = 'bash' | 'zsh' | 'fish'

/** What may follow the words of a command. */
interface Words {
  /** As `models pull`; empty: after `haif` itself. */
  path: string
  /** Each with its description. */
  commands: [name: string, description: string][]
  options: [name: string, description: string][]
  /** What its first argument may be, where only some words are. */
  choices: string[]
}

/** Of a command and all below it. */
export function wordsOf(command: Command, path = ''): Words[] {
  const visible = command.createHelp()
  const commands = visible.visibleCommands(command).filter((each) => each.name() !== 'help')
  const options = visible
    .visibleOptions(command)
    .flatMap(({ long, description }) =>
      long === null || long === undefined ? [] : [[long, description] as [string, string]]
    )
  const own: Words = {
    path,
    commands: commands.map((each) => [each.name(), each.description()]),
    options,
    choices: [...(command.registeredArguments[0]?.argChoices ?? [])]
  }
  return [own, ...commands.flatMap((each) => wordsOf(each, `${path} ${each.name()}`.trim()))]
}

export function completionScript(shell: Shell, words: readonly Words[]): string {
  switch (shell) {
    case 'bash':
      return bash(words)
    case 'zsh':
      return `#compdef haif\nautoload -U +X bashcompinit && bashcompinit\n${bash(words)}`
    case 'fish':
      return fish(words)
  }
}

const all = ({ commands, options, choices }: Words): string =>
  [...commands.map(([name]) => name), ...choices, ...options.map(([name]) => name)].join(' ')

/** Words that are neither options nor known are values and arguments: they lead nowhere else. */
const bash = (words: readonly Words[]): string => `_haif() {
  local word path='' known
  local current="\${COMP_WORDS[COMP_CWORD]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " $path $word" in
${words
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      '${path.includes(' ') ? ` ${path}` : `  ${path}`}') path='${path}' ;;`)
  .join('\n')}
    esac
  done
  case "$path" in
${words.map((each) => `    '${each.path}') known='${all(each)}' ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$known" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _haif haif
`

const fish = (words: readonly Words[]): string => {
  const lines = words.flatMap(({ path, commands, options, choices }) => {
    const names = commands.map(([name]) => name).join(' ')
    const seen = path.split(' ').filter((word) => word !== '')
    const within = seen.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')
    const before = names === '' ? '' : `not __fish_seen_subcommand_from ${names}`
    const here =
      path === '' ? '__fish_use_subcommand' : [within, before].filter(Boolean).join('; and ')
    const line = (what: string, description: string) =>
      `complete -c haif -n '${here}' ${what} -d '${quoted(description)}'`
    return [
      ...commands.map(([name, description]) => line(`-f -a ${name}`, description)),
      ...choices.map((choice) => line(`-f -a ${choice}`, '')),
      ...options.map(([name, description]) => line(`-l ${name.slice(2)}`, description))
    ]
  })
  return `${lines.join('\n')}\n`
}

const quoted = (text: string): string => text.replaceAll(/[\\']/g, String.raw`\$&`)
