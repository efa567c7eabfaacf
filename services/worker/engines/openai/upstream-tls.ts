/** The certificates that a server may show: those of the system, and one that its owner names. */
import { readFileSync } from 'node:fs'
import { getCACertificates } from 'node:tls'
import { HaifError } from '#shared/errors.ts'

/** The server's certificate is not trusted here: no other try changes that. */
export class CertificateRefused extends HaifError {
  constructor(name: string, code: string, cause: unknown) {
    super('ENGINE_FAILED', `${name} ${reasonOfCode(code)}`, { cause })
  }
}

function reasonOfCode(code: string): string {
  if (code === 'CERT_HAS_EXPIRED') return 'shows a certificate that has expired: renew it there'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return 'shows a certificate for other names: give --upstream with a name that is in it'
  }
  return `shows a certificate that this machine does not trust (${code}): give its CA, or the certificate itself, with --upstream-ca`
}

export const isAboutCertificate = (code: string): boolean =>
  code === 'ERR_TLS_CERT_ALTNAME_INVALID' ||
  /^CERT_|SELF_SIGNED|^UNABLE_TO_(?:GET|VERIFY)|INVALID_CA/.test(code)

/** All CAs that the server's certificate may come from. */
export function readCa(file: string): string[] {
  const pem = readPem(file)
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    throw unusable(file, 'it holds no certificate in PEM form')
  }
  return [...getCACertificates('default'), pem]
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw unusable(file, `it cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

const unusable = (file: string, reason: string): HaifError =>
  new HaifError('CONFIG_INVALID', `${file} cannot be used as --upstream-ca: ${reason}`)
