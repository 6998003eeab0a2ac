import ts from 'typescript';

/** One small fault in one file. */
export interface Mutant {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The original lines that it changes. */
  readonly text: string;
  readonly rule: 'drop-predicate' | 'drop-lock' | 'invert-return' | 'shift-comparison' | 'drop-await';
  readonly start: number;
  readonly end: number;
  readonly before: string;
  readonly after: string;
}

type Found = Pick<Mutant, 'rule' | 'start' | 'end' | 'after'>;

const shifted: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [ts.SyntaxKind.LessThanToken, '<='],
  [ts.SyntaxKind.LessThanEqualsToken, '<'],
  [ts.SyntaxKind.GreaterThanToken, '>='],
  [ts.SyntaxKind.GreaterThanEqualsToken, '>'],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, '!=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, '==='],
]);

/** Calls that commit, send or release something. */
const commits =
  /^(settle|commit|plan|fail|end|markPublished|markPublishErrors|setPublication|setWebhook|release|transaction|publish|wake|wakeAll|giveUp|insert|insertShards|upsert|update|completeIfDone|query|send|write|keep)$/;

const isSql = /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|IN_PROGRESS|JOIN)\b/;
const boundary = String.raw`(?=\s+(?:AND|OR|ORDER|GROUP|RETURNING|FOR|LIMIT|ON)\b|\s*[\`\n)]|\s*'?$)`;
const part = String.raw`\([^()]*\)|\$\{[^}]*\}|'[^'\n]*'|\bBETWEEN\s+[^\s\`]+\s+AND\s+[^\s\`]+|[^\n\`()']`;
const predicate = String.raw`(?:NOT\s+)?(?:EXISTS\s*)?(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|\$\{[^}]*\}|[^\s()\`])(?:${part})*?`;
const dropped: readonly (readonly [Mutant['rule'], RegExp, string])[] = [
  ['drop-predicate', new RegExp(String.raw`\s+AND\s+${predicate}${boundary}`, 'g'), ''],
  ['drop-predicate', new RegExp(String.raw`\bWHERE\s+${predicate}${boundary}`, 'g'), 'WHERE true'],
  ['drop-lock', /\bFOR (?:NO KEY )?UPDATE(?: OF \w+)?(?: SKIP LOCKED)?/g, ''],
];

/** All mutants of a source text. */
export function findMutants(file: string, text: string): Mutant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const found: Found[] = [];
  const visit = (node: ts.Node): void => {
    found.push(...mutationsOf(node, source));
    ts.forEachChild(node, visit);
  };
  visit(source);
  const seen = new Set<string>();
  const lines = text.split('\n');
  return found.flatMap((each) => {
    const key = `${each.start} ${each.end} ${each.after}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const before = text.slice(each.start, each.end);
    const first = source.getLineAndCharacterOfPosition(each.start + /^\s*/.exec(before)![0].length).line;
    const last = source.getLineAndCharacterOfPosition(each.end).line;
    return [{ ...each, file, line: first + 1, text: lines.slice(first, last + 1).join('\n'), before }];
  });
}

function mutationsOf(node: ts.Node, source: ts.SourceFile): Found[] {
  if (ts.isTemplateExpression(node) || ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return inSql(node, source);
  if (ts.isIfStatement(node) && isEarlyEnd(node.thenStatement) && !node.elseStatement) {
    const { expression } = node;
    return [{ rule: 'invert-return', start: expression.getStart(), end: expression.end, after: `!(${expression.getText()})` }];
  }
  if (ts.isBinaryExpression(node)) {
    const after = shifted.get(node.operatorToken.kind);
    return after ? [{ rule: 'shift-comparison', start: node.operatorToken.getStart(), end: node.operatorToken.end, after }] : [];
  }
  if (ts.isAwaitExpression(node) && commits.test(nameOfCall(node.expression))) {
    return [{ rule: 'drop-await', start: node.getStart(), end: node.end, after: `(${node.expression.getText()})` }];
  }
  return [];
}

function inSql(node: ts.Node, source: ts.SourceFile): Found[] {
  const text = node.getText(source);
  if (!isSql.test(text)) return [];
  return dropped.flatMap(([rule, pattern, after]) =>
    [...text.matchAll(pattern)].map((match) => {
      const start = node.getStart(source) + match.index;
      return { rule, start, end: start + match[0].length, after: after + keepParameters(text, match[0]) };
    }),
  );
}

/** Keeps parameters in a statement that occur nowhere else in it: PostgreSQL rejects a statement without them, so no test has to. */
function keepParameters(statement: string, predicate: string): string {
  const lonely = [...new Set(predicate.match(/\$\d+/g) ?? [])].filter((name) => !statement.replace(predicate, '').includes(name));
  return lonely.map((name) => ` AND (${name}::text IS NOT NULL OR true)`).join('');
}

function isEarlyEnd(statement: ts.Statement): boolean {
  const [first] = ts.isBlock(statement) ? statement.statements : [statement];
  return first !== undefined && (ts.isReturnStatement(first) || ts.isThrowStatement(first) || ts.isContinueStatement(first));
}

function nameOfCall(expression: ts.Expression): string {
  if (!ts.isCallExpression(expression)) return '';
  const { expression: called } = expression;
  if (ts.isIdentifier(called)) return called.text;
  if (!ts.isPropertyAccessExpression(called)) return '';
  // `….catch(…)` and `….then(…)` wait for the preceding call.
  return ['catch', 'then'].includes(called.name.text) ? nameOfCall(called.expression) : called.name.text;
}
