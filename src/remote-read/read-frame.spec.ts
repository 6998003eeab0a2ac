import fc from 'fast-check';
import { encodeFrameData } from '../../test/chunks/encode-answer.js';
import { FrameContent, readFrame, readLabels } from './read-frame.js';

function contentOf(frame: Buffer): FrameContent {
  const content = new FrameContent();
  readFrame(frame, content);
  return content;
}

const data = (text: string) => ({ data: Buffer.from(text) });
const frame = encodeFrameData(3, [
  { labels: { __name__: 'up', pod: 'ä' }, chunks: [data('one'), data('two')] },
  { labels: {}, chunks: [{ ...data('histogram'), type: 2 }, data('three')] },
]);

describe('readFrame', () => {
  it('finds the positions of series, labels and XOR chunks', () => {
    const { query, series, chunks } = contentOf(frame);
    const texts = Array.from({ length: chunks.length / 2 }, (_, i) =>
      frame.toString('latin1', chunks.at(2 * i), chunks.at(2 * i) + chunks.at(2 * i + 1)),
    );
    expect([query, texts, series.at(2), series.at(5)]).toEqual([3, ['one', 'two', 'three'], 4, 6]);
    expect(readLabels(frame, series.at(0), series.at(1))).toEqual({ __name__: 'up', pod: 'ä' });
    expect(readLabels(frame, series.at(3), series.at(4))).toEqual({});
  });

  it('skips unknown fields', () => {
    expect(contentOf(Buffer.concat([Buffer.from([0x7a, 2, 1, 2, 0x78, 5]), frame])).chunks).toHaveLength(6);
  });

  it.each<[string, number[]]>([
    ['a series longer than its frame', [0x0a, 100, 0]],
    ['a chunk longer than its series', [0x0a, 2, 0x12, 50]],
    ['data longer than their chunk', [0x0a, 4, 0x12, 2, 0x22, 90]],
    ['data of 4 GB', [0x0a, 9, 0x12, 7, 0x22, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]],
    ['a number that ends after its chunk', [0x0a, 3, 0x12, 1, 0x08, 0x80, 1]],
    ['labels after chunks', [0x0a, 6, 0x12, 2, 0x18, 1, 0x0a, 0]],
    ['an endless varint', [0x10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]],
    ['an unknown wire type', [0x0f]],
  ])('rejects %s', (_, bytes) => {
    expect(() => contentOf(Buffer.concat([Buffer.from(bytes), frame]))).toThrow(expect.objectContaining({ name: 'MalformedAnswerError' }));
  });

  it('returns no positions outside the frame, whatever its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.nat(), fc.nat({ max: 30 }), (bytes, at, cut) => {
        const broken = Buffer.from(frame.subarray(0, frame.length - cut));
        broken.set(bytes.subarray(0, broken.length), at % (broken.length - bytes.length));
        const content = new FrameContent();
        try {
          readFrame(broken, content);
          for (let i = 0; i < content.series.length; i += 3) readLabels(broken, content.series.at(i), content.series.at(i + 1));
        } catch (error) {
          expect(error).toMatchObject({ name: 'MalformedAnswerError' });
        }
        for (let i = 0; i < content.chunks.length; i += 2)
          expect(content.chunks.at(i) + content.chunks.at(i + 1)).toBeLessThanOrEqual(broken.length);
      }),
      { numRuns: 3000 },
    );
  });
});
