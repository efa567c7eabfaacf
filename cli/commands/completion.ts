/** `haif completion SHELL`: prints what makes a shell complete commands and options. */
import process from 'node:process'
import { Argument, type Command } from 'commander'
import { completionScript, wordsOf, type Shell } from '../screen/completion-script.ts'

const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish']

export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print what makes a shell complete commands and options')
    .addArgument(new Argument('<shell>', 'whose').choices(SHELLS))
    .addHelpText(
      'after',
      [
        '',
        'For now and for later:',
        '  bash  haif completion bash > ~/.local/share/bash-completion/completions/haif',
        '  zsh   haif completion zsh > "${fpath[1]}/_haif"',
        '  fish  haif completion fish > ~/.config/fish/completions/haif.fish'
      ].join('\n')
    )
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell, wordsOf(program)))
    })
}
