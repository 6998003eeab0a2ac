import { chooseImage, type ImageSighting, refineSightings } from './read-images.js';

const seen = (image: string, firstSeconds: number, lastSeconds: number): ImageSighting => ({ image, firstSeconds, lastSeconds });

describe('chooseImage', () => {
  it.each<[string, ImageSighting[], string]>([
    ['the only one', [seen('a', 1, 2)], 'a'],
    ['that of the latest window', [seen('new', 1, 5), seen('old', 3, 4)], 'new'],
    ['that which came back', [seen('old', 1, 9), seen('new', 4, 6)], 'old'],
    ['the one that appeared later of two at the end', [seen('old', 1, 9), seen('new', 5, 9)], 'new'],
    ['by name where all is equal', [seen('b', 1, 9), seen('a', 1, 9)], 'a'],
  ])('takes %s', (_, sightings, expected) => {
    expect(chooseImage(sightings)).toBe(expected);
    expect(chooseImage([...sightings].reverse())).toBe(expected);
  });
});

describe('refineSightings', () => {
  const coarse = [seen('old', 100, 300), seen('new', 300, 300), seen('gone', 100, 200)];

  it('says which of the latest came last', () => {
    const refined = refineSightings(coarse, [seen('old', 210, 250), seen('new', 250, 300), seen('gone', 210, 300)]);
    expect(refined).toEqual([seen('old', 100, 250), seen('new', 250, 300)]);
  });

  it('keeps when an image appeared, so that a finer window does not make the old one new', () => {
    const refined = refineSightings(coarse, [seen('old', 290, 300), seen('new', 210, 300)]);
    expect(chooseImage(refined ?? [])).toBe('new');
  });

  it('says nothing where the finer windows saw nothing', () => expect(refineSightings(coarse, [])).toBeUndefined());
});
