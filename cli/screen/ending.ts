/** The end of a command by Ctrl-C, or by the end of whoever reads what it prints. */
import process from 'node:process'
import { HaifError } from '#shared/errors.ts'
import { INTERRUPTED_EXIT_CODE, PIPE_CLOSED_EXIT_CODE } from './terminal.ts'

interface Ending extends Disposable {
  signal: AbortSignal
  exitCode: number
}

/**
 * Ctrl-C, or the end of whoever reads our output, cancels the request; a second Ctrl-C does not
 * wait.
 */
export function listenForEnd(): Ending {
  const controller = new AbortController()
  const end = (exitCode: number) => {
    if (controller.signal.aborted) process.exit(exitCode)
    ending.exitCode = exitCode
    process.stdin.destroy() // it may still be read
    controller.abort(cancelled())
  }
  const onSigint = () => end(INTERRUPTED_EXIT_CODE)
  const onClosedPipe = () => end(PIPE_CLOSED_EXIT_CODE)
  process.on('SIGINT', onSigint)
  process.stdout.on('error', onClosedPipe)
  const ending: Ending = {
    signal: controller.signal,
    exitCode: 0,
    [Symbol.dispose]: () => {
      process.off('SIGINT', onSigint)
      process.stdout.off('error', onClosedPipe)
    }
  }
  return ending
}

export const cancelled = () => new HaifError('CANCELLED', 'the request was cancelled')
