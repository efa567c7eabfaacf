/**
 * How a family of models writes an answer: thoughts, text and tool calls, with marks between them.
 * One description; its reader and its grammar both follow from it.
 *
 * Marks are written here as in the model's template (`<|channel|>`). `Marks` turns them into what
 * stands in the text of an answer.
 */
import type { Tool } from '#shared/contracts/inference/chat.ts'
import type { Input, Reading } from './input.ts'
import type { Parameter } from '../schema/schema-rules.ts'
import type { Marks } from './marks.ts'

export interface OutputFormat {
  /** For people, in logs and tests. */
  readonly name: string
  /** True when thoughts can be told from the answer. */
  readonly reasons: boolean
  /** True when the format has tool calls. */
  readonly calls: boolean
  /** Binds the format to a vocabulary. */
  bind(marks: Marks): BoundFormat
}

/**
 * `open`: the answer begins in the middle of a thought. `over`: thinking is done, or switched off.
 * `free`: the model may begin one.
 */
export type PromptThought = 'open' | 'over' | 'free'

/** A format in the signs of one vocabulary; it serves all answers of a model. */
export interface BoundFormat {
  /** Reads one answer to its end and tells its parts to `to`. */
  read(input: Input, to: OutputParts, options: ReadOptions): Reading<void>
  /** Whether a prompt that ends in this text has begun a thought, or has had one. */
  thoughtAt(promptEnd: string): PromptThought
  /** The marks that begin a thought, as an expression of a grammar; null where there are none. */
  thoughtRule(): string | null
  /** The marks that end one; null where a message ends with it. */
  thoughtEndRule(): string | null
  /** What stands between the end of a thought and what follows, as an expression of a grammar. */
  afterThoughtRule(): string
  /** What stands before the text of an answer, as an expression of a grammar; '' for nothing. */
  contentRule(): string
  /** One or several calls, from the mark that begins the first of them to the end of the answer. */
  callsRule(rules: Rules, tools: readonly CallableTool[], parallel: boolean): string
  /** A thought and the beginning of an answer as the model would have written them. */
  written(said: SaidBefore): string
}

export interface SaidBefore {
  reasoning: string
  text: string
  /** True when the prompt has begun the thought. */
  opened: boolean
}

export interface ReadOptions {
  /** True when the prompt ends in the middle of a thought. */
  opened: boolean
  /** The tools that may be called, by their names; null: calls are not read. */
  tools: ReadonlyMap<string, CallableTool> | null
  /** True when the answer is to be calls, and a grammar sees to it. */
  mustCall: boolean
  /** True for the sign of a token that ends answers in this chat. */
  isEnd: (sign: string) => boolean
}

/** What a reader finds, in order. */
export interface OutputParts {
  /**
   * Called when a thought begins, and behind the mark that ends it: `begun` is that mark where it
   * also begins a call.
   */
  thinking(is: boolean, begun?: string): void
  thought(text: string): void
  content(text: string): void
  /** A call is certain from this place of the input on, which a grammar follows now. */
  certain(since: string): void
  call(name: string): void
  arguments(json: string): void
  /** `complete`: its arguments are whole. */
  callEnd(complete: boolean): void
  /** False when no further call may come. */
  readonly takesCalls: boolean
  /** The signs in a text: end tokens that end a part of the answer here, and not the answer. */
  passes(signs: string): void
  /** The answer is over, whatever the model would still write. */
  done(): void
}

export interface CallableTool extends Pick<Tool, 'name' | 'parameters'> {
  /** A grammar whose root is the JSON of the arguments. */
  argumentsGrammar: string
  /**
   * The arguments one by one, for formats that give each its own marks; null where the schema is
   * not that of one object.
   */
  argumentRules(): ArgumentRules | null
}

export interface ArgumentRules {
  /** Rules, a line each. */
  rules: string
  each: readonly Parameter[]
}

/** Rules of one grammar. */
export interface Rules {
  literal(text: string): string
  /** Adds a rule under a name of its own, and returns that name. */
  add(name: string, expression: string): string
  /** Adds a whole grammar and returns the name of its root. */
  addGrammar(name: string, grammar: string): string
  /** Adds several rules and returns their new names. */
  addRules(name: string, lines: string): (rule: string) => string
}

/** A part of a call: how it is read, and which texts fit it. */
export interface Part {
  /** What stands before the name, where a call may stand without a mark. */
  readonly begin?: string
  /** Returns false where the text is no such part; then the call is none. */
  read(input: Input, call: CallDraft): Reading<boolean>
  rule(rules: Rules, tool: CallableTool): string
}

/** A call while it is read. Its name may come after its arguments. */
export interface CallDraft {
  readonly name: string | null
  /** The JSON Schema of the arguments; undefined where the tool has none, or is not known. */
  readonly schema: Readonly<Record<string, unknown>> | undefined
  readonly hasArguments: boolean
  /** False where the name cannot be a tool's. */
  setName(name: string): boolean
  /** Takes the next piece of the arguments' JSON. */
  arguments(json: string): void
  /** The arguments are whole. */
  complete(): void
}

export interface ThoughtMarks {
  begin: string
  end: string
  /** A text that the model writes behind the end, before it goes on (Solar's next header). */
  after?: string
}

/** How calls stand in an answer. White space in these marks is optional when they are read. */
export interface CallSyntax {
  /** Before the first call; may be ''. */
  begin: string
  /** Before and after each call; may be ''. */
  open: string
  close: string
  /** One call between `open` and `close`; made when the format is bound. */
  call: (marks: Marks) => Part
  /** Between a `close` and the next `open`; null: an answer has one call. */
  between: string | null
  /** After the last call; may be ''. */
  end: string
  /**
   * The part of `begin` or `open` that shows a call begins. '' where nothing marks a call: then
   * only a whole answer can be one, when it begins with a call of one of the tools.
   */
  trigger: string
  /** Later marks of the beginning, for models that leave the first out. */
  lateTriggers?: readonly string[]
}

/** A `CallSyntax` in the signs of a vocabulary. */
export interface BoundCalls extends Omit<CallSyntax, 'call'> {
  call: Part
}
