import { deadlineFault, measurementFault, readDuration } from './duration.js';

describe('readDuration', () => {
  it.each([
    ['15min', 900],
    ['15mins', 900],
    ['15m', 900],
    ['1h', 3600],
    ['1h30m', 5400],
    ['1h 30 min', 5400],
    ['2d', 172_800],
    ['90s', 90],
    ['1 Hour', 3600],
    ['0s', 0],
  ])('reads %s as %i s', (text, seconds) => expect(readDuration(text)).toBe(seconds));

  it.each(['', 'abc', '15', 'min', '-1h', '1.5h', '1h30', '1w', '1h-', `${'9'.repeat(20)}d`, 'ⅷh'])('finds no duration in %j', (text) => {
    expect(readDuration(text)).toBeUndefined();
  });
});

describe('measurementFault', () => {
  it.each(['2min', '15min', '15mins', '1h', '1h30m', '1d', '24h', '120s'])('accepts %s', (text) => {
    expect(measurementFault(text)).toBeUndefined();
  });

  it.each([
    ['15', 'is not a duration'],
    ['nonsense', 'is not a duration'],
    ['1min', 'is not between'],
    ['119s', 'is not between'],
    ['25h', 'is not between'],
    ['0min', 'is not between'],
    ['7min', 'does not divide a day'],
    ['150s', 'does not divide a day'],
  ])('rejects %s: it %s', (text, fault) => expect(measurementFault(text)).toContain(`"${text}" ${fault}`));
});

describe('deadlineFault', () => {
  it.each(['1s', '30min', '365d'])('accepts %s', (text) => expect(deadlineFault(text)).toBeUndefined());

  it.each(['soon', '0s', '366d', '9000000000d'])('rejects %s', (text) => expect(deadlineFault(text)).toContain(`"${text}" is not `));
});
