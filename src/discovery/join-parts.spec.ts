import { joinParts } from './join-parts.js';

describe('joinParts', () => {
  it('makes one series of those with equal labels, samples in the order of the parts', () => {
    const joined = joinParts([
      [[{ labels: { a: '1', b: '2' }, samples: [[1, 'x']] }], []],
      [
        [
          { labels: { b: '2', a: '1' }, samples: [[2, 'y']] },
          { labels: { a: '3' }, samples: [[2, 'z']] },
        ],
        [{ labels: {}, samples: [[3, 'w']] }],
      ],
    ]);
    expect(joined).toEqual([
      [
        {
          labels: { a: '1', b: '2' },
          samples: [
            [1, 'x'],
            [2, 'y'],
          ],
        },
        { labels: { a: '3' }, samples: [[2, 'z']] },
      ],
      [{ labels: {}, samples: [[3, 'w']] }],
    ]);
  });

  it('is the one part that there is', () => {
    const answers = [[{ labels: {}, samples: [] }]];
    expect(joinParts([answers])).toBe(answers);
  });
});
