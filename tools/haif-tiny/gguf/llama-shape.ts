/**
 * What makes a GGUF file a llama model: the sizes of the network as metadata, and its tensors.
 */
import type { TensorType } from './quantize.ts'
import type { KeyValue, ReadValues, Tensor } from './write.ts'

export interface LlamaShape {
  vocabularySize: number
  contextLength: number
  dim: number
  layers: number
  heads: number
  kvHeads: number
  ffnDim: number
  /** The output layer is the embedding: `output.weight` is left out. */
  tied?: boolean
  ropeBase?: number
}

/** Supplies the values of one tensor. */
export type Weights = (name: string, dims: number[]) => ReadValues

/**
 * Every key of the first group is required: without `head_count` or `feed_forward_length` llama.cpp
 * does not throw, it aborts the process.
 */
export function llamaHparams(shape: LlamaShape): KeyValue[] {
  return [
    ['general.architecture', 'str', 'llama'],
    ['llama.context_length', 'u32', shape.contextLength],
    ['llama.embedding_length', 'u32', shape.dim],
    ['llama.block_count', 'u32', shape.layers],
    ['llama.feed_forward_length', 'u32', shape.ffnDim],
    ['llama.attention.head_count', 'u32', shape.heads],
    ['llama.attention.layer_norm_rms_epsilon', 'f32', 1e-5],

    ['llama.attention.head_count_kv', 'u32', shape.kvHeads],
    ['llama.rope.dimension_count', 'u32', shape.dim / shape.heads],
    ['llama.rope.freq_base', 'f32', shape.ropeBase ?? 10_000],
    ['llama.vocab_size', 'u32', shape.vocabularySize]
  ]
}

/** Norms stay F32 whatever the type. Queries and keys are rotated over neighbouring pairs. */
export function llamaTensors(shape: LlamaShape, type: TensorType, weights: Weights): Tensor[] {
  const { dim, ffnDim, vocabularySize } = shape
  const kvDim = (dim / shape.heads) * shape.kvHeads
  const tensor = (name: string, dims: number[], kind = type): Tensor => {
    return { name: `${name}.weight`, dims, type: kind, read: weights(`${name}.weight`, dims) }
  }

  const tensors = [tensor('token_embd', [dim, vocabularySize])]
  for (let layer = 0; layer < shape.layers; layer++) {
    const at = `blk.${layer}`
    tensors.push(
      tensor(`${at}.attn_norm`, [dim], 'F32'),
      tensor(`${at}.attn_q`, [dim, dim]),
      tensor(`${at}.attn_k`, [dim, kvDim]),
      tensor(`${at}.attn_v`, [dim, kvDim]),
      tensor(`${at}.attn_output`, [dim, dim]),
      tensor(`${at}.ffn_norm`, [dim], 'F32'),
      tensor(`${at}.ffn_gate`, [dim, ffnDim]),
      tensor(`${at}.ffn_up`, [dim, ffnDim]),
      tensor(`${at}.ffn_down`, [ffnDim, dim])
    )
  }
  tensors.push(tensor('output_norm', [dim], 'F32'))
  if (!shape.tied) tensors.push(tensor('output', [dim, vocabularySize]))
  return tensors
}
