// Spans as the bytes of a request: each is encoded once, when it is queued, and a batch is those bytes with a frame around.
import type { Attribute, Span } from '@car-runtime/core';
import { toTraceRequest } from '@car-runtime/core/daemon';
import type { Protocol } from './settings.ts';

export interface SpanEncoding {
  readonly contentType: string;
  encodeSpan(span: Span): Buffer;
  encodeBatch(spans: readonly Buffer[]): Buffer;
}

export function createEncoding(protocol: Protocol, resource: Readonly<Record<string, string>>): SpanEncoding {
  return protocol === 'http/json' ? createJson(resource) : createProtobuf(resource);
}

function createJson(resource: Readonly<Record<string, string>>): SpanEncoding {
  const empty = JSON.stringify(toTraceRequest([], resource));
  // The spans come last.
  const at = empty.lastIndexOf('[]') + 1;
  const head = Buffer.from(empty.slice(0, at));
  const tail = Buffer.from(empty.slice(at));
  const comma = Buffer.from(',');
  return {
    contentType: 'application/json',
    encodeSpan: (span) => Buffer.from(JSON.stringify(span)),
    encodeBatch: (spans) =>
      Buffer.concat([head, ...spans.flatMap((span, index) => (index === 0 ? [span] : [comma, span])), tail]),
  };
}

/** Field numbers are those of opentelemetry-proto v1. */
function createProtobuf(resource: Readonly<Record<string, string>>): SpanEncoding {
  const [{ resource: described, scopeSpans } = { resource: { attributes: [] }, scopeSpans: [] }] = toTraceRequest(
    [],
    resource,
  ).resourceSpans;
  const { name, version } = scopeSpans[0]?.scope ?? { name: '', version: '' };
  const resourceField = nested(1, attributes(1, described.attributes));
  const scopeField = nested(1, [block(1, name), block(2, version)]);
  return {
    contentType: 'application/x-protobuf',
    encodeSpan: (span) => nested(2, spanFields(span)),
    encodeBatch: (spans) => nested(1, [resourceField, nested(2, [scopeField, ...spans])]),
  };
}

function spanFields(span: Span): Buffer[] {
  const { status, parentSpanId } = span;
  return [
    block(1, Buffer.from(span.traceId, 'hex')),
    block(2, Buffer.from(span.spanId, 'hex')),
    ...(parentSpanId === undefined ? [] : [block(4, Buffer.from(parentSpanId, 'hex'))]),
    block(5, span.name),
    integer(6, span.kind),
    fixed64(7, span.startTimeUnixNano),
    fixed64(8, span.endTimeUnixNano),
    ...attributes(9, span.attributes),
    nested(15, [
      ...(status.message === undefined ? [] : [block(2, status.message)]),
      ...(status.code === undefined ? [] : [integer(3, status.code)]),
    ]),
  ];
}

function attributes(field: number, list: readonly Attribute[]): Buffer[] {
  return list.map(({ key, value }) => nested(field, [block(1, key), nested(2, [anyValue(value)])]));
}

function anyValue(value: Attribute['value']): Buffer {
  if ('stringValue' in value) return block(1, value.stringValue);
  if ('boolValue' in value) return integer(2, Number(value.boolValue));
  return integer(3, Number(value.intValue));
}

// The four shapes of a protobuf field that are needed here.

function nested(field: number, parts: readonly Buffer[]): Buffer {
  return block(field, Buffer.concat(parts));
}

function block(field: number, content: string | Buffer): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

/** Not negative. */
function integer(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function fixed64(field: number, value: string): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return Buffer.concat([varint(field * 8 + 1), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
