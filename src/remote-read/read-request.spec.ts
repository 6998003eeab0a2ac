import protobuf from 'protobufjs';
import { uncompress } from 'snappyjs';
import { encodeReadRequest } from './read-request.js';

// The parts of prompb/remote.proto and prompb/types.proto that a request uses.
const { root } = protobuf.parse(`syntax = "proto3";
  message ReadRequest { repeated Query queries = 1; enum ResponseType { SAMPLES = 0; STREAMED_XOR_CHUNKS = 1; } repeated ResponseType accepted_response_types = 2; }
  message Query { int64 start_timestamp_ms = 1; int64 end_timestamp_ms = 2; repeated LabelMatcher matchers = 3; }
  message LabelMatcher { enum Type { EQ = 0; NEQ = 1; RE = 2; NRE = 3; } Type type = 1; string name = 2; string value = 3; }`);

describe('encodeReadRequest', () => {
  it('requests chunks by stored labels, each query from the start of its longest window', () => {
    const up = { type: '=', name: '__name__', value: 'up' } as const;
    const matchers = [
      up,
      { type: '!=', name: 'a', value: '' },
      { type: '=~', name: 'b', value: 'ü|v.*' },
      { type: '!~', name: 'c', value: 'w' },
      { type: '=', name: 'd', value: 'v.w' },
      { type: '=', name: 'e', value: '' },
    ] as const;
    const questions = [
      {
        matchers,
        windows: [
          { function: 'rate', rangeMs: 900_000 },
          { function: 'instant', rangeMs: 300_000 },
        ] as const,
      },
      { matchers: [up], windows: [{ function: 'instant', rangeMs: 300_000 }] as const },
    ];
    const bytes = uncompress(encodeReadRequest(questions, { endMs: 1_795_219_200_000, stepMs: 900_000, rows: 3, boundary: 'closed' }));
    const type = root.lookupType('ReadRequest');
    expect(type.toObject(type.decode(bytes), { longs: Number, enums: String, defaults: true })).toEqual({
      queries: [
        {
          startTimestampMs: 1_795_219_200_000 - 3 * 900_000,
          endTimestampMs: 1_795_219_200_000,
          matchers: [
            { type: 'EQ', name: '__name__', value: 'up' },
            { type: 'NEQ', name: 'a', value: '' },
            { type: 'RE', name: 'b', value: 'ü|v.*' },
            { type: 'NRE', name: 'c', value: 'w' },
            { type: 'RE', name: 'd', value: 'v\\.w' },
            { type: 'RE', name: 'e', value: '' },
          ],
        },
        {
          startTimestampMs: 1_795_219_200_000 - 2 * 900_000 - 300_000,
          endTimestampMs: 1_795_219_200_000,
          matchers: [{ type: 'EQ', name: '__name__', value: 'up' }],
        },
      ],
      acceptedResponseTypes: ['STREAMED_XOR_CHUNKS'],
    });
  });
});
