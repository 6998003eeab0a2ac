import type { SyntaxNode } from '@lezer/common';

const unitSeconds: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 };

/** Seconds of `15m`, `1h30m` or `900`; undefined for anything that must be computed. */
export function secondsOf(node: SyntaxNode, text: string): number | undefined {
  const duration = text.slice(node.from, node.to).trim();
  if (/^\d+(\.\d+)?$/.test(duration)) return Number(duration);
  if (!/^(\d+(ms|[smhdwy]))+$/.test(duration)) return undefined;
  return [...duration.matchAll(/(\d+)(ms|[smhdwy])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * unitSeconds[unit!]!, 0);
}
