/** The values for what a request leaves out: the defaults of llama.cpp's own server. */
export const SAMPLING_DEFAULTS = { temperature: 0.8, topK: 40, topP: 0.95, minP: 0.05 }
