/** Trouble with Redis, by the first word of its reply: NOAUTH, READONLY, MOVED and so on. */
import { networkTrouble } from './network.ts'
import { innermost, wordsOf, type Trouble } from './trouble.ts'

const CREDENTIALS: Trouble = {
  kind: 'refuses us',
  what: 'does not let us in',
  remedy: 'correct user and password in REDIS_URL'
}
const CLUSTER: Trouble = {
  kind: 'refuses us',
  what: 'is a cluster',
  remedy: 'give REDIS_URL a single Redis, which is all that HAIF needs'
}
const GONE: Trouble = {
  kind: 'away',
  what: 'cannot be reached',
  remedy: 'start it, or correct REDIS_URL'
}
const LOADING: Trouble = {
  kind: 'away',
  what: 'is not ready yet',
  remedy: 'nothing has to be done: it is tried again'
}

const BY_WORD: Record<string, Trouble> = {
  NOAUTH: CREDENTIALS,
  WRONGPASS: CREDENTIALS,
  NOPERM: {
    kind: 'refuses us',
    what: 'does not give this user the rights that HAIF needs',
    remedy: 'allow its user +@all on the keys and channels haif:*, scripts included'
  },
  DENIED: {
    kind: 'refuses us',
    what: 'runs in protected mode',
    remedy: 'set a password there and in REDIS_URL'
  },
  MOVED: CLUSTER,
  ASK: CLUSTER,
  CROSSSLOT: CLUSTER,
  CLUSTERDOWN: CLUSTER,
  TRYAGAIN: CLUSTER,
  READONLY: {
    kind: 'refuses writes',
    what: 'is a read-only replica',
    remedy: 'give REDIS_URL the primary'
  },
  MISCONF: {
    kind: 'refuses writes',
    what: 'cannot save to its disk, and takes no writes',
    remedy: 'make room on its disk, or turn its snapshots off: HAIF needs none'
  },
  NOREPLICAS: {
    kind: 'refuses writes',
    what: 'has too few replicas to take writes',
    remedy: 'bring its replicas back'
  },
  OOM: {
    kind: 'refuses writes',
    what: 'has no more memory',
    remedy: 'raise its maxmemory, or let it evict keys'
  },
  LOADING,
  BUSY: LOADING,
  MASTERDOWN: LOADING,
  EXECABORT: LOADING,
  WRONGTYPE: {
    kind: 'bad input',
    what: 'has something else under a name of HAIF',
    remedy: 'give HAIF a Redis, or a database number, of its own'
  }
}

/** Replies that begin with ERR, and errors that the client makes itself. */
const BY_MESSAGE: [RegExp, Trouble][] = [
  [/invalid (username|password)|AUTH .*without any password|Client sent AUTH/i, CREDENTIALS],
  [
    /DB index is out of range|invalid DB index/i,
    {
      kind: 'refuses us',
      what: 'does not have this database number',
      remedy: 'correct the number at the end of REDIS_URL'
    }
  ],
  [
    /unknown command|unknown subcommand/i,
    {
      kind: 'refuses us',
      what: 'does not know a command that HAIF needs',
      remedy: 'use Redis 6 or newer, with scripts and without renamed commands'
    }
  ],
  [
    /max number of clients/i,
    { kind: 'away', what: 'has no connection free', remedy: 'raise its maxclients' }
  ],
  [
    /timed? ?out/i,
    { kind: 'away', what: 'does not answer in time', remedy: 'see what keeps it busy' }
  ],
  [/connection (is closed|close$|is broken)|writeable/i, GONE],
  // What becomes of a command that was under way, as it is not tried again.
  [/max retries per request/i, GONE]
]

const OTHER: Trouble = {
  kind: 'refuses us',
  what: 'refuses a command',
  remedy: 'see its log, and use Redis 6 or newer'
}

/** Never null: whatever Redis does, HAIF goes on without it. */
export function redisTrouble(thrown: unknown): Trouble {
  const error = innermost(thrown)
  const connection = networkTrouble(error)
  if (connection !== null) return connection
  const said = wordsOf(error)
  // A script passes the reply of the command inside it on, behind words of its own.
  const word = Object.keys(BY_WORD).find((each) => new RegExp(`(^|[\\s-])${each}\\b`).test(said))
  if (word !== undefined) return BY_WORD[word]!
  return BY_MESSAGE.find(([words]) => words.test(said))?.[1] ?? OTHER
}
