/** Turns texts into vectors whose angles tell how much alike the texts are. The same text has to give the same vector. */
export interface Embedder {
  /** Of each vector, at most `maxDimensions`. */
  readonly dimensions: number;
  /** One vector for each text, in their order. */
  embed(texts: readonly string[]): Promise<readonly Float32Array[]>;
}

export const maxDimensions = 4_096;
