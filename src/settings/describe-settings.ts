import { z } from 'zod';
import { settingsSchema } from './settings-schema.js';

/** The help of the service: every environment variable with its default and meaning. */
export function describeSettings(): string {
  const { properties = {} } = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' });
  const lines = Object.entries(properties).map(([name, property]) => {
    const { default: value, description, enum: words } = property as { default?: unknown; description?: string; enum?: string[] };
    const one = words && words.length <= 8 ? ` One of ${words.join(', ')}.` : '';
    return `  ${name}${value === undefined ? '' : `=${value}`}\n      ${description ?? ''}.${one}`;
  });
  return `rightsizer: sizes the containers of clusters in bulk. Settings are environment variables:\n\n${lines.join('\n')}\n`;
}
