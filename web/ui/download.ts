/** Saves bytes as a file of the person's. */

/** The browser reads it after the click; taken back at once, the download may never begin. */
const READ_MS_MAX = 60_000

export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), READ_MS_MAX)
}
