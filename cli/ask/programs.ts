/**
 * What programs that nobody here wrote need to be told, so that they ask this mesh. Each entry was
 * read from the program's own documents; docs/clients.md says which were run.
 */

/** Where the mesh answers, and with which model. */
interface Answering {
  /** Without a slash at its end. */
  url: string
  model: string
  /** Tokens of prompt and answer; 0 while not known: programs guess then, mostly too much. */
  contextTokens: number
  /** Any word where no token is needed: programs refuse to start without one. */
  token: string
}

interface Launch {
  /** Variables to set; undefined: to be unset. */
  env: Record<string, string | undefined>
  /** Arguments before those of the user. */
  args: string[]
}

interface Program {
  /** The name of its command. */
  command: string
  /** How people get it. */
  install: string
  launch: (answering: Answering) => Launch
}

export const PROGRAMS: ReadonlyMap<string, Program> = new Map<string, Program>([
  [
    'claude',
    {
      command: 'claude',
      install: 'npm install -g @anthropic-ai/claude-code',
      launch: ({ url, model, token, contextTokens }) => ({
        env: {
          ANTHROPIC_BASE_URL: url,
          ANTHROPIC_AUTH_TOKEN: token,
          ANTHROPIC_API_KEY: '', // any other value would come before the token
          ANTHROPIC_MODEL: model,
          ANTHROPIC_DEFAULT_OPUS_MODEL: model,
          ANTHROPIC_DEFAULT_SONNET_MODEL: model,
          ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
          CLAUDE_CODE_SUBAGENT_MODEL: model,
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
          ...(contextTokens > 0 && { CLAUDE_CODE_MAX_CONTEXT_TOKENS: String(contextTokens) })
        },
        args: []
      })
    }
  ],
  [
    'codex',
    {
      command: 'codex',
      install: 'npm install -g @openai/codex',
      launch: ({ url, model, token, contextTokens }) => ({
        env: { HAIF_TOKEN: token },
        args: [
          ...set('model_provider', 'haif'),
          ...set('model_providers.haif.name', 'HAIF'),
          ...set('model_providers.haif.base_url', `${url}/v1`),
          ...set('model_providers.haif.wire_api', 'responses'),
          ...set('model_providers.haif.env_key', 'HAIF_TOKEN'),
          ...set('model', model),
          ...(contextTokens > 0 ? ['-c', `model_context_window=${contextTokens}`] : [])
        ]
      })
    }
  ],
  [
    'opencode',
    {
      command: 'opencode',
      install: 'npm install -g opencode-ai',
      launch: ({ url, model, token, contextTokens }) => ({
        env: {
          OPENCODE_CONFIG_CONTENT: JSON.stringify({
            model: `haif/${model}`,
            small_model: `haif/${model}`,
            provider: {
              haif: {
                npm: '@ai-sdk/openai-compatible',
                name: 'HAIF',
                options: { baseURL: `${url}/v1`, apiKey: token },
                models: { [model]: { name: model, ...limitOf(contextTokens) } }
              }
            }
          })
        },
        args: []
      })
    }
  ],
  [
    'goose',
    {
      command: 'goose',
      install: 'see https://block.github.io/goose',
      launch: ({ url, model, token }) => ({
        env: {
          GOOSE_PROVIDER: 'openai',
          GOOSE_MODEL: model,
          OPENAI_HOST: url,
          OPENAI_API_KEY: token
        },
        args: []
      })
    }
  ],
  [
    'aider',
    {
      command: 'aider',
      install: 'see https://aider.chat/docs/install.html',
      launch: ({ url, model, token }) => ({
        env: { OPENAI_API_BASE: `${url}/v1`, OPENAI_API_KEY: token },
        args: ['--model', `openai/${model}`, '--weak-model', `openai/${model}`]
      })
    }
  ],
  [
    'qwen',
    {
      command: 'qwen',
      install: 'npm install -g @qwen-code/qwen-code',
      launch: ({ url, model, token }) => ({
        env: { OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: token, OPENAI_MODEL: model },
        args: []
      })
    }
  ]
])

/** Without it OpenCode never shortens a conversation. */
const limitOf = (context: number) =>
  context > 0 ? { limit: { context, output: Math.ceil(context / ANSWER_SHARE) } } : {}

/** The part of a context that OpenCode may keep free for an answer. */
const ANSWER_SHARE = 4

/** A setting of Codex on its command line: a TOML string. */
const set = (name: string, value: string): string[] => ['-c', `${name}=${JSON.stringify(value)}`]
