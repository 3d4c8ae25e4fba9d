import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Span } from '@car-runtime/core';
import type { TraceRequest } from '@car-runtime/core/daemon';
import { createEncoding } from './encoding.ts';

const spans: Span[] = [
  {
    traceId: 'ab'.repeat(16),
    spanId: '01'.repeat(8),
    name: 'invoke_agent é',
    kind: 1,
    startTimeUnixNano: '1700000000123000000',
    endTimeUnixNano: '1700000001123000000',
    attributes: [
      { key: 'long', value: { stringValue: 'x'.repeat(300) } },
      { key: 'index', value: { intValue: '1999' } },
      { key: 'is', value: { boolValue: true } },
      { key: 'is not', value: { boolValue: false } },
    ],
    status: { code: 2, message: 'timeout' },
  },
  {
    traceId: 'ab'.repeat(16),
    spanId: '02'.repeat(8),
    parentSpanId: '01'.repeat(8),
    name: 'execute_tool t',
    kind: 1,
    startTimeUnixNano: '1',
    endTimeUnixNano: '2',
    attributes: [],
    status: {},
  },
];
const resource = { 'service.name': 'it, "[]"', team: 'a' };

type Field = bigint | Buffer;

/** Fields of a protobuf message by number. */
function decode(bytes: Buffer): Map<number, Field[]> {
  const fields = new Map<number, Field[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] as number;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    let value: Field;
    if (tag % 8 === 0) value = varint();
    else if (tag % 8 === 1) value = bytes.readBigUInt64LE((at += 8) - 8);
    else {
      assert.equal(tag % 8, 2);
      const length = Number(varint());
      value = bytes.subarray(at, (at += length));
      assert.equal(value.length, length);
    }
    fields.set(Math.floor(tag / 8), [...(fields.get(Math.floor(tag / 8)) ?? []), value]);
  }
  return fields;
}

const messages = (fields: Map<number, Field[]>, number: number) =>
  (fields.get(number) ?? []).map((field) => decode(field as Buffer));
const string = (field: Field | undefined) => (field as Buffer).toString();
const hex = (field: Field | undefined) => (field as Buffer).toString('hex');

function attributesOf(fields: Map<number, Field[]>, number: number): unknown[] {
  return messages(fields, number).map((pair) => {
    const [value] = messages(pair, 2);
    const [text, is, count] = [1, 2, 3].map((field) => value?.get(field)?.[0]);
    return {
      key: string(pair.get(1)?.[0]),
      value:
        text !== undefined
          ? { stringValue: string(text) }
          : is !== undefined
            ? { boolValue: is === 1n }
            : { intValue: String(count) },
    };
  });
}

/** By the field numbers of opentelemetry-proto. */
function toRequest(bytes: Buffer): unknown {
  return {
    resourceSpans: messages(decode(bytes), 1).map((one) => ({
      resource: { attributes: messages(one, 1).flatMap((fields) => attributesOf(fields, 1)) },
      scopeSpans: messages(one, 2).map((scoped) => ({
        scope: messages(scoped, 1).map((scope) => ({
          name: string(scope.get(1)?.[0]),
          version: string(scope.get(2)?.[0]),
        }))[0],
        spans: messages(scoped, 2).map((span) => ({
          traceId: hex(span.get(1)?.[0]),
          spanId: hex(span.get(2)?.[0]),
          ...(span.has(4) && { parentSpanId: hex(span.get(4)?.[0]) }),
          name: string(span.get(5)?.[0]),
          kind: Number(span.get(6)?.[0]),
          startTimeUnixNano: String(span.get(7)?.[0]),
          endTimeUnixNano: String(span.get(8)?.[0]),
          attributes: attributesOf(span, 9),
          status: messages(span, 15).map((status) => ({
            ...(status.has(3) && { code: Number(status.get(3)?.[0]) }),
            ...(status.has(2) && { message: string(status.get(2)?.[0]) }),
          }))[0],
        })),
      })),
    })),
  };
}

// req: telemetry.encodings
test('a batch says the same in JSON and in protobuf', () => {
  const json = createEncoding('http/json', resource);
  const protobuf = createEncoding('http/protobuf', resource);
  for (const some of [spans, spans.slice(1), []]) {
    const request = JSON.parse(json.encodeBatch(some.map(json.encodeSpan)).toString()) as TraceRequest;
    assert.deepEqual(request.resourceSpans[0]?.scopeSpans[0]?.spans, some);
    assert.deepEqual(request.resourceSpans[0]?.resource.attributes[0], {
      key: 'service.name',
      value: { stringValue: 'it, "[]"' },
    });
    assert.deepEqual(toRequest(protobuf.encodeBatch(some.map(protobuf.encodeSpan))), request);
  }
});
