/** Makes `/openapi.json` from the same contracts that check the bodies. */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'

/** Must be called before routes are added: it sees only those that come after it. */
export async function describeRoutes(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'HAIF',
        description: 'One private AI cloud from the machines you own.',
        version,
        license: { name: 'MIT', identifier: 'MIT' }
      },
      tags: [
        { name: 'inference', description: 'Ask a model.' },
        { name: 'openai', description: "What OpenAI's clients know." },
        { name: 'anthropic', description: "What Anthropic's clients know." },
        { name: 'ollama', description: "What Ollama's clients know." },
        { name: 'jobs', description: 'Work that outlives a connection: graphs of tasks.' },
        { name: 'functions', description: 'Code that is published once and called by its name.' },
        { name: 'usage', description: 'What was used.' },
        { name: 'admin', description: 'Tokens, tenants and the audit; for operators.' },
        { name: 'health', description: 'How it does.' }
      ],
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'A token: `haif_…`.' }
        }
      }
    },
    convertConstToEnum: false
  })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}
