/**
 * The most calls in one answer. Apart from the schemas of chats, because the process of a model
 * needs no schema and starts without the validator.
 */
export const TOOL_CALLS_MAX = 128
