/** What a peer is announced as: each of its roles, under every topic that the role has now. */
import type { ListeningRole } from '#shared/contracts/peers/role.ts'
import type { Announcement } from './announcement.ts'

interface AnnouncementsOptions {
  /** Those of the epochs in use. */
  topicsOf: (role: ListeningRole) => Buffer[]
  make: (topic: Buffer) => Announcement
}

export class Announcements {
  readonly #options: AnnouncementsOptions
  readonly #roles = new Set<ListeningRole>()
  readonly #running = new Map<string, Announcement>() // by role and topic
  #stopped = false

  constructor(options: AnnouncementsOptions) {
    this.#options = options
  }

  /** Under the topics of the epochs in use, and no longer under others. */
  async announce(role: ListeningRole): Promise<void> {
    if (this.#stopped) return
    this.#roles.add(role)
    const topics = this.#options.topicsOf(role)
    const names = new Set(topics.map((topic) => nameOf(role, topic)))
    void this.#end(role, (name) => !names.has(name))
    for (const topic of topics) {
      const name = nameOf(role, topic)
      if (this.#running.has(name)) continue
      const announcement = this.#options.make(topic)
      this.#running.set(name, announcement)
      await announcement.start()
    }
  }

  /** The epochs have changed. */
  refresh(): void {
    for (const role of this.#roles) void this.announce(role)
  }

  /** The network has changed. */
  hurry(): void {
    for (const announcement of this.#running.values()) announcement.hurry()
  }

  async withdraw(role: ListeningRole): Promise<void> {
    this.#roles.delete(role)
    await this.#end(role, () => true)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#running.values()].map((announcement) => announcement.stop()))
  }

  async #end(role: ListeningRole, isOver: (name: string) => boolean): Promise<void> {
    const ended = [...this.#running].filter(([name]) => name.startsWith(`${role}/`) && isOver(name))
    for (const [name] of ended) this.#running.delete(name)
    await Promise.all(ended.map(([, announcement]) => announcement.stop()))
  }
}

const nameOf = (role: ListeningRole, topic: Buffer): string => `${role}/${topic.toString('hex')}`
