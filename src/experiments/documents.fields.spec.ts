import { isSelected, parseSelection, sections, selectFields } from './documents.js';

const summary = {
  status: 'COMPLETED',
  total_experiments: 1,
  job_id: 'j',
  notifications: { '200': { message: 'm' } },
  input: { status: 'x' },
};
const experiment = {
  name: 'e',
  status: 'PROCESSED',
  apis: {
    create: { response: { message: 'ok', status: 'SUCCESS' }, request: { status: 'IN_PROGRESS', name: 'n' } },
    recommendations: { response: [{ version: 'v2.0' }] },
  },
  notifications: { '503': { message: 'm', status: 'kept' } },
  status_history: [{ status: 'UNPROCESSED', timestamp: 't' }],
};
const all = { summary, experiments: experiment, webhook: { status: 'COMPLETED' }, metadata: { datasources: {} } };

/** The selected sections; `experiments` holds one experiment. */
function shown(include?: string, exclude?: string): Record<string, object> {
  const selection = parseSelection(include, exclude);
  const selected = sections.filter((section) => isSelected(selection, section));
  return Object.fromEntries(selected.map((section) => [section, selectFields(selection, section, all[section])]));
}

describe('include', () => {
  it.each<[string | undefined, object]>([
    [undefined, { summary }],
    ['summary', { summary }],
    ['summaryfoo', { summary }],
    ['summary|job_id|status', { summary: { status: 'COMPLETED', job_id: 'j' } }],
    ['summary|nothing', { summary: {} }],
    ['summary|input', { summary: { input: { status: 'x' } } }],
    ['summary,experiments', { summary, experiments: experiment }],
    ['experiments,summary', { summary, experiments: experiment }],
    ['experiments|apis|recommendations|response', { experiments: { apis: { recommendations: { response: [{ version: 'v2.0' }] } } } }],
    ['experiments|apis|create|response', { experiments: { apis: { create: { response: experiment.apis.create.response } } } }],
    ['experiments|apis|response', { experiments: { apis: {} } }],
    ['experiments|status', { experiments: { status: 'PROCESSED' } }],
    [
      'experiments|status|notifications|status_history',
      { experiments: { status: 'PROCESSED', notifications: experiment.notifications, status_history: experiment.status_history } },
    ],
    ['metadata', { metadata: all.metadata }],
    ['webhook', { webhook: all.webhook }],
    ['summary,webhook,metadata', { summary, webhook: all.webhook, metadata: all.metadata }],
    ['job_id', {}],
    ['experiment', {}],
    ['metadatafoo', {}],
    ['Summary', {}],
    ['summary, experiments', { summary }],
    ['', {}],
    ['unknown,metadata', { metadata: all.metadata }],
  ])('%s', (include, expected) => expect(shown(include)).toEqual(expected));

  it('merges several items of one section, in any order', () => {
    expect(shown('summary|status,summary|job_id')).toEqual({ summary: { status: 'COMPLETED', job_id: 'j' } });
    expect(shown('summary|status,summary')).toEqual({ summary });
    expect(shown('summary,summary|status')).toEqual({ summary });
  });

  it.each([',', ',,,'])('%s selects every section', (include) => expect(shown(include)).toEqual(all));
});

describe('exclude', () => {
  const { apis, ...flat } = experiment;
  const { status: _status, ...summaryWithoutStatus } = summary;
  it.each<[string, string, object]>([
    ['summary', 'summary', {}],
    ['summary,experiments', 'experiments', { summary }],
    [',', 'experiments,metadata', { summary, webhook: all.webhook }],
    ['summary', 'metadata', { summary }],
    ['summary', 'summary|status', { summary: summaryWithoutStatus }],
    ['summary|status|job_id', 'summary|status', { summary: { job_id: 'j' } }],
    ['experiments', 'experiments|apis', { experiments: flat }],
    ['experiments', 'experiments|apis|create', { experiments: { ...flat, apis: { recommendations: apis.recommendations } } }],
    [
      'experiments',
      'experiments|apis|create|request',
      { experiments: { ...flat, apis: { create: { response: apis.create.response }, recommendations: apis.recommendations } } },
    ],
    [
      'experiments|status|apis|create|request',
      'experiments|status',
      { experiments: { apis: { create: { request: apis.create.request } } } },
    ],
    ['summary', 'nonsense,', { summary }],
    ['summary', '', { summary }],
  ])('%s without %s', (include, exclude, expected) => expect(shown(include, exclude)).toEqual(expected));
});
