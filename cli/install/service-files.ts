/** What keeps `haif up` or `haif join` running: a systemd user unit, a launchd plist. Pure. */
import { isAbsolute, join } from 'node:path'
import { HaifError } from '#shared/errors.ts'

export const KEPT_COMMANDS = ['up', 'join'] as const
export type KeptCommand = (typeof KEPT_COMMANDS)[number]

export interface KeptService {
  command: KeptCommand
  /** Its options. */
  args: readonly string[]
  /** The Node that runs it, and the program. */
  node: string
  program: string
  home: string
  /** The home of the user. */
  userHome: string
}

export interface ServiceFile {
  path: string
  text: string
  /** Run one after the other to start it, and to end it. */
  start: string[][]
  stop: string[][]
  /** For whoever installs it. */
  hint: string
}

/** A file that others may back up or show is no place for a secret. */
const SECRET = /^haif_[a-z0-9]/i

export function serviceFile(
  platform: NodeJS.Platform,
  service: KeptService,
  uid: number
): ServiceFile {
  if (service.args.some((arg) => SECRET.test(arg))) {
    throw new HaifError(
      'CONFIG_INVALID',
      'a topic key does not belong into the file of a service: run "haif join" with it once, and ' +
        'then "haif service install join", which needs none'
    )
  }
  if (!isAbsolute(service.home)) throw new HaifError('CONFIG_INVALID', 'HAIF_HOME must be absolute')
  if (platform === 'linux') return systemd(service)
  if (platform === 'darwin') return launchd(service, uid)
  throw new HaifError(
    'CONFIG_INVALID',
    `haif service install knows systemd and launchd, and not how ${platform} keeps a program running`
  )
}

function systemd({ command, args, node, program, home, userHome }: KeptService): ServiceFile {
  const unit = `haif-${command}.service`
  const argv = [node, program, command, ...args].map(systemdWord).join(' ')
  const control = (...words: string[]) => ['systemctl', '--user', ...words]
  return {
    path: join(userHome, '.config/systemd/user', unit),
    text: `[Unit]
Description=HAIF (haif ${command})
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${argv}
Environment=${systemdWord(`HAIF_HOME=${home}`)}
Restart=on-failure
RestartSec=5
# A wrong option or setting does not become right by itself.
RestartPreventExitStatus=2
TimeoutStopSec=60
NoNewPrivileges=yes
UMask=0077

[Install]
WantedBy=default.target
`,
    start: [control('daemon-reload'), control('enable', '--now', unit)],
    stop: [control('disable', '--now', unit)],
    hint: `"journalctl --user -u ${unit}" shows what it says; "loginctl enable-linger" keeps it running after you have logged out`
  }
}

/** A word of ExecStart: systemd expands % and $ also between quotes. */
function systemdWord(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', () => '$$')
  return /^[\w@%+=:,./$-]+$/.test(plain)
    ? plain
    : `"${plain.replaceAll(/[\\"]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`)}"`
}

function launchd(service: KeptService, uid: number): ServiceFile {
  const { command, args, node, program, home, userHome } = service
  const label = `haif.${command}`
  const path = join(userHome, 'Library/LaunchAgents', `${label}.plist`)
  const log = join(home, `${command}.log`)
  const words = [node, program, command, ...args]
  return {
    path,
    text: `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${label}</string>
  <key>ProgramArguments</key>
  <array>
${words.map((word) => `    <string>${xml(word)}</string>`).join('\n')}
  </array>
  <key>EnvironmentVariables</key>
  <dict>
    <key>HAIF_HOME</key>
    <string>${xml(home)}</string>
  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>5</integer>
  <key>ExitTimeOut</key>
  <integer>60</integer>
  <key>StandardOutPath</key>
  <string>${xml(log)}</string>
  <key>StandardErrorPath</key>
  <string>${xml(log)}</string>
</dict>
</plist>
`,
    start: [['launchctl', 'bootstrap', `gui/${uid}`, path]],
    stop: [['launchctl', 'bootout', `gui/${uid}/${label}`]],
    hint: `what it says is in ${log}`
  }
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const xml = (text: string): string => text.replaceAll(/[&<>"]/g, (sign) => ENTITIES[sign]!)
