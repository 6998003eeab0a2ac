export interface Tolerance {
  /** Maximum relative difference of two numbers that counts as equal. */
  readonly relative: number;
  /** Paths that are not compared. */
  readonly skip?: RegExp;
}

/** Returns the differences of two JSON values as readable lines; ignores the order of keys. */
export function differences(expected: unknown, actual: unknown, tolerance: Tolerance, path = ''): string[] {
  if (tolerance.skip?.test(path)) return [];
  if (isObject(expected) && isObject(actual)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    return [...keys].flatMap((key) => differences(expected[key], actual[key], tolerance, `${path}/${key}`));
  }
  const areClose =
    typeof expected === 'number' && typeof actual === 'number'
      ? Math.abs(expected - actual) <= tolerance.relative * Math.max(Math.abs(expected), Math.abs(actual))
      : expected === actual;
  return areClose ? [] : [`${path}: expected ${shown(expected)}, got ${shown(actual)}`];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 80) ?? 'nothing';
}
