/**
 * Tool calls of families whose form no rendering shows: either the template writes no past calls,
 * or it writes them in a notation of their own.
 */
import { elementArguments } from './arguments/element-arguments.ts'
import { bracedArguments, pythonArguments } from './arguments/notation-arguments.ts'
import { jsonCall } from './json-call.ts'
import type { Marks } from './marks.ts'
import type { CallSyntax } from './output-format.ts'
import { literal, sequence, toolName } from './parts.ts'
import { ID_SLOT, NUMBER_SLOT } from './probe.ts'

interface FamilyCalls {
  /** All of these texts stand in a template of the family. */
  marks: readonly string[]
  calls: CallSyntax
}

/** `call:NAME{key:value}` between marks, with another mark around each text. */
function bracedCalls([open, close]: readonly [string, string], text: string): CallSyntax {
  const call = (marks: Marks) => sequence(toolName(), bracedArguments(text, marks))
  const around = { begin: '', open: `${open}call:`, close, between: '', end: '' }
  return { ...around, trigger: open, call }
}

const MINIMAX_MARK = ']<]minimax[>['

export const FAMILY_CALLS: readonly FamilyCalls[] = [
  {
    marks: ['<|tool_call>call:', '<|"|>'], // Gemma 4
    calls: bracedCalls(['<|tool_call>', '<tool_call|>'], '<|"|>')
  },
  {
    marks: ['<start_function_call>', '<escape>'], // FunctionGemma
    calls: bracedCalls(['<start_function_call>', '<end_function_call>'], '<escape>')
  },
  {
    marks: [MINIMAX_MARK], // MiniMax-M3
    calls: {
      begin: `${MINIMAX_MARK}<tool_call>\n`,
      open: `${MINIMAX_MARK}<invoke name="`,
      close: `${MINIMAX_MARK}</invoke>`,
      between: '\n',
      end: `\n${MINIMAX_MARK}</tool_call>`,
      trigger: `${MINIMAX_MARK}<tool_call>`,
      call: (marks) => sequence(toolName(), literal('">'), elementArguments(MINIMAX_MARK, marks))
    }
  },
  { marks: ['<|tool_call_start|>'], calls: pythonCalls() }, // LFM2.5
  { marks: ['List of tools: '], calls: pythonCalls() }, // LFM2, whose template shows no call
  { marks: ['<|tool_call|>', '<|start_of_role|>'], calls: listedCalls(']') }, // Granite 3
  { marks: ['<|tool|>', '<|/tool|>'], calls: listedCalls(']<|/tool_call|>') } // Phi-4-mini
]

function pythonCalls(): CallSyntax {
  return {
    begin: '<|tool_call_start|>[',
    open: '',
    close: '',
    between: ', ',
    end: ']<|tool_call_end|>',
    trigger: '<|tool_call_start|>',
    call: (marks) => sequence(toolName(), pythonArguments(marks))
  }
}

/** A list of objects behind a mark. */
function listedCalls(end: string): CallSyntax {
  const object = { before: '{"name": "', middle: '", "arguments": ', after: '}' }
  return {
    begin: '<|tool_call|>[',
    open: '',
    close: '',
    between: ', ',
    end,
    trigger: '<|tool_call|>',
    call: () => jsonCall(object, ID_SLOT, NUMBER_SLOT)
  }
}
