import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { serviceFile, type KeptService } from '../../../cli/install/service-files.ts'

const SERVICE: KeptService = {
  command: 'up',
  args: ['--lan', '--model', 'my model=/srv/50% "best".gguf', '$HOME'],
  node: process.execPath,
  program: '/opt/haif & more/haif.mjs',
  home: '/home/me/.haif',
  userHome: '/home/me'
}

test('systemd gets each word as it was given, and starts nothing again that cannot start', () => {
  const { path, text, start, stop, hint } = serviceFile('linux', SERVICE, 1000)
  assert.equal(path, '/home/me/.config/systemd/user/haif-up.service')
  const line = text.split('\n').find((each) => each.startsWith('ExecStart='))
  const words = `${process.execPath} "/opt/haif & more/haif.mjs" up --lan --model`
  assert.equal(line, `ExecStart=${words} "my model=/srv/50%% \\"best\\".gguf" $$HOME`)
  assert.match(text, /^Environment=HAIF_HOME=\/home\/me\/\.haif$/m)
  assert.match(text, /^RestartPreventExitStatus=2$/m)
  assert.match(text, /^WantedBy=default\.target$/m)
  assert.deepEqual(start[1], ['systemctl', '--user', 'enable', '--now', 'haif-up.service'])
  assert.deepEqual(stop, [['systemctl', '--user', 'disable', '--now', 'haif-up.service']])
  assert.match(hint, /journalctl --user -u haif-up\.service.*enable-linger/)
})

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0

test('systemd finds nothing wrong with the unit', { skip: !hasAnalyze }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'haif-unit-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const program = join(folder, 'haif.mjs')
  const unit = join(folder, 'haif-up.service')
  writeFileSync(program, '')
  writeFileSync(unit, serviceFile('linux', { ...SERVICE, program }, 0).text)
  // Without a session there is no such folder, and it has to be some.
  const env = { ...process.env, XDG_RUNTIME_DIR: folder }
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--user', unit], {
    encoding: 'utf8',
    env
  })
  assert.deepEqual([status, stderr.split('\n').filter((line) => line.includes('haif-up'))], [0, []])
})

test('launchd gets a property list with the same words', () => {
  const { path, text, start, stop } = serviceFile('darwin', { ...SERVICE, command: 'join' }, 501)
  assert.equal(path, '/home/me/Library/LaunchAgents/haif.join.plist')
  const strings = [...text.matchAll(/<string>(.*?)<\/string>/g)].map(([, word]) => word)
  assert.deepEqual(strings.slice(0, 8), [
    'haif.join',
    process.execPath,
    '/opt/haif &amp; more/haif.mjs',
    'join',
    '--lan',
    '--model',
    'my model=/srv/50% &quot;best&quot;.gguf',
    '$HOME'
  ])
  assert.deepEqual(start, [['launchctl', 'bootstrap', 'gui/501', path]])
  assert.deepEqual(stop, [['launchctl', 'bootout', 'gui/501/haif.join']])
})

test('a topic key stays out of the file, and other systems are told that they are not known', () => {
  const withKey = { ...SERVICE, command: 'join' as const, args: ['haif_yeygs4q9'] }
  for (const platform of ['linux', 'darwin'] as const) {
    assert.throws(() => serviceFile(platform, withKey, 0), { message: /run "haif join" with it/ })
  }
  assert.throws(() => serviceFile('win32', SERVICE, 0), { code: 'CONFIG_INVALID' })
})
