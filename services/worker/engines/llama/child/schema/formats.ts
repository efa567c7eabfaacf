/**
 * The formats of strings that are kept, as patterns of the whole text. Those of JSON Schema's
 * specification, of Zod and of Pydantic that say how a text looks; any other format is an
 * annotation, as the specification has it.
 */

interface Format {
  /** The pattern, for texts of at most so many characters where it depends on that. */
  pattern: (max: number) => string
  /** Texts of the format, to see whether a pattern beside it asks for more. */
  samples: readonly string[]
}

const MONTHS = '(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)'
const LEAP = '(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)-02-29'
const DATE = `(?:(?!0000)\\d{4}-(?:${MONTHS}|02-(?:0[1-9]|1\\d|2[0-8]))|(?!0000)${LEAP})`
const CLOCK = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?'
const OFFSET = '(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)'
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = `(?:${OCTET}\\.){3}${OCTET}`
const GROUP = '[0-9a-fA-F]{1,4}'
const IPV6 = [
  `(?:${GROUP}:){7}${GROUP}`,
  ...[1, 2, 3, 4, 5, 6].map((n) => `(?:${GROUP}:){${n}}(?::${GROUP}){1,${7 - n}}`),
  `:(?:(?::${GROUP}){1,7}|:)`,
  `(?:${GROUP}:){1,7}:`
].join('|')
/** Labels of any length; a name that must not be too long has those of `SHORT_HOST`. */
const LABEL = '[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*'
/** The last label of a name begins with a letter, so that a name is no address. */
const HOST = `(?:${LABEL}\\.)*[a-zA-Z][a-zA-Z0-9]*`
const SHORT_LABEL = '[a-zA-Z0-9]{1,20}(?:-[a-zA-Z0-9]{1,20}){0,2}'
const SHORT_HOST = `(?:${SHORT_LABEL}\\.){0,3}[a-zA-Z][a-zA-Z0-9]{0,20}`
const EMAIL = `[\\w+][\\w'+-]*[\\w+]?(?:\\.[\\w+]+)*@(?:${LABEL}\\.)+[A-Za-z]{2,}`
const HEX = '[0-9a-fA-F]'
const uuid = (version: string): string =>
  `${HEX}{8}-${HEX}{4}-${version}${HEX}{3}-[89abAB]${HEX}{3}-${HEX}{12}`
const DURATION =
  'P(?=[0-9T])(?:\\d{1,4}W|(?:\\d{1,4}Y)?(?:\\d{1,4}M)?(?:\\d{1,4}D)?' +
  '(?:T(?=\\d)(?:\\d{1,4}H)?(?:\\d{1,4}M)?(?:\\d{1,4}S)?)?)'

/** What may stand in a path, a query or a fragment, in as many characters as are left. */
function uri(max: number): string {
  const character = "(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})"
  const isFree = max === Infinity
  const count = isFree ? '*' : `{0,${Math.max(0, Math.floor((max - URI_HEAD_MAX) / 6))}}`
  const tail = `(?:[/?]${character}${count})?(?:#${character}${count})?`
  return `[a-z][a-z0-9+-]{1,9}://${isFree ? HOST : SHORT_HOST}(?::[1-9]\\d{0,3})?${tail}`
}

/** The longest scheme, host and port, and the two marks after them. */
const URI_HEAD_MAX = 10 + 3 + 3 * 63 + 21 + 5 + 2

const always =
  (pattern: string): Format['pattern'] =>
  () =>
    pattern
const format = (pattern: string, ...samples: string[]): Format => {
  return { pattern: always(pattern), samples }
}

const UUID = '123e4567-e89b-42d3-a456-426614174000'
const EMAIL_FORMAT = format(EMAIL, 'ann@example.com', 'a.b+c@mail.example.org', "o'x_y-1@ab-c.de")
const URI: Format = {
  pattern: uri,
  samples: ['https://example.com', 'http://a.example.org:8080/b/c?d=e&f=%20#g', 'ftp://localhost/x']
}
const FORMATS = new Map<string, Format>([
  ['date', format(DATE, '2024-02-29', '1999-12-31', '2030-06-15')],
  ['time', format(`${CLOCK}${OFFSET}`, '10:30:00Z', '23:59:59.123+05:30')],
  ['date-time', format(`${DATE}T${CLOCK}${OFFSET}`, '2024-02-29T10:30:00Z')],
  ['duration', format(DURATION, 'P1DT2H', 'PT30M', 'P3W', 'P1Y2M3D')],
  ['email', EMAIL_FORMAT],
  ['idn-email', EMAIL_FORMAT],
  ['hostname', format(SHORT_HOST, 'example.com', 'a-b.example.org', 'localhost')],
  ['idn-hostname', format(SHORT_HOST, 'example.com', 'localhost')],
  ['ipv4', format(IPV4, '192.168.0.1', '8.8.8.8', '255.0.100.10')],
  ['ipv6', format(IPV6, '2001:db8::1', '::1', 'fe80:0:0:0:1:2:3:4')],
  ['cidrv4', format(`${IPV4}/(?:[12]?\\d|3[0-2])`, '10.0.0.0/8', '192.168.1.0/24')],
  ['cidrv6', format(`(?:${IPV6})/(?:[1-9]?\\d|1[01]\\d|12[0-8])`, '2001:db8::/32', '::1/128')],
  ['uri', URI],
  ['url', URI],
  ['iri', URI],
  ['uuid', format(uuid('[1-8]'), UUID, '00000000-0000-7000-8000-000000000001')],
  ['guid', format(uuid('[1-8]'), UUID)],
  ...[1, 3, 4, 5, 6, 7, 8].map((version): [string, Format] => {
    return [`uuid${version}`, format(uuid(String(version)), UUID.replace('-42', `-${version}2`))]
  }),
  ['json-pointer', format('(?:/(?:[a-zA-Z0-9_ .-]|~[01])*)*', '', '/a/0', '/a~1b')],
  ['base64', format('(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?', '', 'YWI=')],
  ['jwt', format('eyJ[\\w-]+\\.eyJ[\\w-]+\\.[\\w-]+', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln')],
  ['byte', format('(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?', '', 'YWI=')]
])

export const formatNamed = (name: string): Format | undefined => FORMATS.get(name)
