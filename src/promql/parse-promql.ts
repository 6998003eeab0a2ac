import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** The syntax tree's top expression, or undefined where the text is not one PromQL expression. */
export function parsePromql(text: string): SyntaxNode | undefined {
  const top = parser.parse(text).topNode;
  return faultPosition(top) === undefined ? childrenOf(top)[0] : undefined;
}

export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (child.name !== 'LineComment') children.push(child);
  }
  return children;
}

/** Every node of that name at or below `top`, in the order of the text. */
export function nodesNamed(top: SyntaxNode, name: string): SyntaxNode[] {
  const below = childrenOf(top).flatMap((child) => nodesNamed(child, name));
  return top.name === name ? [top, ...below] : below;
}

/** Position (from 0) of the first syntax fault; undefined = none. */
export function findSyntaxFault(text: string): number | undefined {
  return text.trim() === '' ? 0 : faultPosition(parser.parse(text).topNode);
}

function faultPosition(node: SyntaxNode): number | undefined {
  if (node.type.isError) return node.from;
  for (let child = node.firstChild; child; child = child.nextSibling) {
    const position = faultPosition(child);
    if (position !== undefined) return position;
  }
  return undefined;
}
