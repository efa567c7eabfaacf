/** Bounds of the texts that end an answer. */
export const STOPS_MAX = 64
export const STOP_CHARACTERS_MAX = 1024
