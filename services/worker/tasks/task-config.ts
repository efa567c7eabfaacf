/** The settings of a worker that are about tasks of jobs. */
import { readChoice, readInteger, readString, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { parseAmount } from '../memory/memory-budget.ts'
import { TOOL_LIMITS, type ToolLimits } from './tool-execution/tool-limits.ts'

export interface TaskConfig {
  /** `TASKS`: tasks at a time; 0: none. */
  places: number
  /** `ALLOW_TOOLS`: commands of jobs run here, in a sandbox. */
  allowTools: boolean
  /** `ALLOW_DOWNLOADS`: jobs bring models to this machine. */
  allowDownloads: boolean
  /** `ALLOW_FUNCTIONS`: functions of the catalogue run here, in a sandbox. */
  allowFunctions: boolean
  functions: FunctionSettings
  /** `TOOL_MEMORY`, `TOOL_SCRATCH`, `TOOL_SECONDS`: what one tool or function may use. */
  toolLimits: ToolLimits
  /** `ARTIFACT_SPACE`: bytes of all artifacts. `ARTIFACT_DAYS`: they stay so long unread. */
  artifactBytes: number
  artifactDays: number
  /** `REGION`: where the machine is; a task may ask for it. */
  region?: string
}

interface FunctionSettings {
  /** `FUNCTIONS_FOLDER`: where environments are built; absent: `functions` of HAIF_HOME. */
  folder?: string
  /** `FUNCTION_PUBLISHERS`: keys of those whose functions may run here; empty: everybody's. */
  publishers: string[]
  /** `FUNCTION_PYTHONS`: programs beside those of the system. */
  pythons: string[]
  /** `FUNCTION_SPACE`: bytes of all environments. `FUNCTION_DAYS`: they stay so long unused. */
  environmentBytes: number
  environmentDays: number
  /** What installers of packages get of the environment. */
  installers: Record<string, string>
}

/** Options of the command line. */
interface TaskWishes {
  allowTools?: boolean
  allowDownloads?: boolean
  functions?: boolean
}

const TASKS_MAX = 256
const TOOL_SECONDS_MAX = 86_400

export function readTasks(env: Environment, wishes: TaskWishes): TaskConfig {
  const region = readString(env, 'REGION', '')
  const seconds = readInteger(env, 'TOOL_SECONDS', {
    default: TOOL_LIMITS.wallMs / 1000,
    min: 1,
    max: TOOL_SECONDS_MAX
  })
  return {
    places: readInteger(env, 'TASKS', { default: 4, min: 0, max: TASKS_MAX }),
    allowTools: wishes.allowTools ?? readChoice(env, 'ALLOW_TOOLS', ['0', '1'], '0') === '1',
    allowDownloads:
      wishes.allowDownloads ?? readChoice(env, 'ALLOW_DOWNLOADS', ['0', '1'], '0') === '1',
    allowFunctions: wishes.functions ?? readChoice(env, 'ALLOW_FUNCTIONS', ['0', '1'], '0') === '1',
    functions: readFunctions(env),
    toolLimits: {
      ...TOOL_LIMITS,
      memoryBytes: readBytes(env, 'TOOL_MEMORY', '512MiB'),
      scratchBytes: readBytes(env, 'TOOL_SCRATCH', '256MiB'),
      wallMs: seconds * 1000,
      cpuMs: seconds * 1000
    },
    artifactBytes: readBytes(env, 'ARTIFACT_SPACE', '10GB'),
    artifactDays: readInteger(env, 'ARTIFACT_DAYS', { default: 30, min: 1, max: 3650 }),
    ...(region === '' ? {} : { region })
  }
}

const INSTALLER_SETTINGS = [
  'PATH',
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'NO_PROXY',
  'SSL_CERT_FILE',
  'PIP_INDEX_URL',
  'PIP_FIND_LINKS',
  'UV_INDEX_URL',
  'NPM_CONFIG_REGISTRY'
]

function readFunctions(env: Environment): FunctionSettings {
  const folder = readString(env, 'FUNCTIONS_FOLDER', '')
  const publishers = listOf(readString(env, 'FUNCTION_PUBLISHERS', ''))
  const wrong = publishers.find((key) => !/^[0-9a-f]{64}$/.test(key))
  if (wrong !== undefined) {
    throw new HaifError(
      'CONFIG_INVALID',
      `FUNCTION_PUBLISHERS: ${wrong} is no key of a publisher: "haif fn show" has it`
    )
  }
  const installers = INSTALLER_SETTINGS.flatMap((name) => {
    const value = readString(env, name, '')
    return value === '' ? [] : [[name, value] as const]
  })
  return {
    publishers,
    pythons: listOf(readString(env, 'FUNCTION_PYTHONS', '')),
    installers: Object.fromEntries(installers),
    environmentBytes: readBytes(env, 'FUNCTION_SPACE', '10GB'),
    environmentDays: readInteger(env, 'FUNCTION_DAYS', { default: 30, min: 1, max: 3650 }),
    ...(folder === '' ? {} : { folder })
  }
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')

export function readLabels(env: Environment): Record<string, string> {
  const text = readString(env, 'LABELS', '')
  if (text === '') return {}
  const pairs = text.split(',').map((each) => /^\s*([\w.-]{1,64})=([^,]{1,64}?)\s*$/.exec(each))
  if (pairs.length > LABELS_MAX || pairs.includes(null)) {
    throw new HaifError('CONFIG_INVALID', `LABELS=${text} cannot be used: write rack=4,team=blue`)
  }
  return Object.fromEntries(pairs.map((pair) => [pair![1]!, pair![2]!]))
}

const LABELS_MAX = 32

function readBytes(env: Environment, name: string, fallback: string): number {
  const text = readString(env, name, fallback)
  const amount = parseAmount(text)
  if (amount !== null && 'bytes' in amount) return amount.bytes
  throw new HaifError('CONFIG_INVALID', `${name}=${text} cannot be used: write 512MB, for example`)
}
