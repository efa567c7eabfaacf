import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { Argument, Command } from 'commander'
import { completionScript, wordsOf } from '../../../cli/screen/completion-script.ts'

function someCommands(): Command {
  const program = new Command('haif').description("it's all")
  program.command('up').description('run').option('--lan [address]', "others' machines")
  const models = program.command('models').description('list').option('--json', 'print JSON')
  models.command('pull <model>').description('download').option('--on <worker>', 'there')
  const service = program.command('service').description('one')
  service.addArgument(new Argument('<name>').choices(['gateway', 'worker']))
  return program
}

/** What a shell with the script would offer behind a line. */
function offered(script: string, line: string): string[] {
  const words = line.split(' ')
  const bash = `${script}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_haif; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', bash], { encoding: 'utf8', cwd: '/' })
  assert.equal(stderr, '')
  return stdout.split('\n').filter((word) => word !== '')
}

test('bash completes commands, commands of commands, options and choices', () => {
  const script = completionScript('bash', wordsOf(someCommands()))
  assert.deepEqual(offered(script, 'haif '), ['up', 'models', 'service', '--help'])
  assert.deepEqual(offered(script, 'haif m'), ['models'])
  assert.deepEqual(offered(script, 'haif models '), ['pull', '--json', '--help'])
  assert.deepEqual(offered(script, 'haif models pull qwen --'), ['--on', '--help'])
  assert.deepEqual(offered(script, 'haif up --l'), ['--lan'])
  assert.deepEqual(offered(script, 'haif service w'), ['worker'])
})

test('fish gets a line for each word, with what it is for', () => {
  const lines = completionScript('fish', wordsOf(someCommands())).split('\n')
  assert.ok(lines.includes("complete -c haif -n '__fish_use_subcommand' -f -a up -d 'run'"))
  assert.ok(
    lines.includes(
      "complete -c haif -n '__fish_seen_subcommand_from up' -l lan -d 'others\\' machines'"
    )
  )
  const pull = '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from pull'
  assert.ok(lines.includes(`complete -c haif -n '${pull}' -l on -d 'there'`))
})

test('zsh takes what bash takes', () => {
  const script = completionScript('zsh', wordsOf(someCommands()))
  assert.match(script, /^#compdef haif\n.*bashcompinit\n_haif\(\)/)
})
