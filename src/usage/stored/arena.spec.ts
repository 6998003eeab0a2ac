import { Arena } from './arena.js';

describe('Arena', () => {
  it('holds what is appended, one behind the other, however much', () => {
    const arena = new Arena();
    const pieces = Array.from({ length: 5 }, (_, i) => Buffer.alloc(700_000, i + 1));
    for (const piece of pieces) arena.append(piece);
    expect(arena.length).toBe(3_500_000);
    expect(arena.bytes.equals(Buffer.concat(pieces))).toBe(true);
  });

  it('takes back what was not needed', () => {
    const arena = new Arena();
    arena.room(10).fill(7);
    arena.drop(8);
    arena.append(Buffer.from([9]));
    expect([...arena.bytes]).toEqual([7, 7, 9]);
  });

  it('leaves what was given out as it is when it grows', () => {
    const arena = new Arena();
    const first = arena.room(3);
    first.set([1, 2, 3]);
    arena.room(5_000_000);
    expect([...first]).toEqual([1, 2, 3]);
    expect([...arena.bytes.subarray(0, 3)]).toEqual([1, 2, 3]);
  });

  it('uses memory again, empty', () => {
    const arena = Arena.take();
    arena.append(Buffer.from('old'));
    arena.give();
    const again = Arena.take();
    expect([again === arena, again.length]).toEqual([true, 0]);
  });
});
