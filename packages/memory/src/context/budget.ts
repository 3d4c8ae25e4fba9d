// How much a context may hold (Memory, Retrieval, Budget). In tokens, estimated from characters.
import type { ContentType, Layer } from '../graph/model.ts';

const defaultBudget = 8_000;
const minBudget = 2_000;
/** Tokens of a model's window that stay free for its instructions and its answer. */
const reserved = 4_096;
const shareOfWindow = 0.4;
const shareOfLayer: Readonly<Record<Layer, number>> = { 1: 0.05, 2: 0.5, 3: 0.3, 4: 0.15 };
const charsPerToken = 4;
const contentWeight: Readonly<Record<ContentType, number>> = { natural_language: 1, code: 1.5, structured_data: 0.8 };

/** Never more than the window itself, however small. */
export function contextBudget(window?: number): number {
  if (window === undefined) return defaultBudget;
  return Math.min(
    Math.max(minBudget, Math.floor((window - reserved) * shareOfWindow)),
    Math.max(0, Math.floor(window)),
  );
}

export function layerBudget(budget: number, layer: Layer): number {
  return Math.floor(budget * shareOfLayer[layer]);
}

/** At least 1. */
export function estimateTokens(text: string, content: ContentType = 'natural_language'): number {
  return Math.max(1, Math.ceil((text.length / charsPerToken) * contentWeight[content]));
}

/** So many characters fit into a budget. */
export function charsWithin(tokens: number, content: ContentType = 'natural_language'): number {
  return Math.floor((tokens * charsPerToken) / contentWeight[content]);
}
