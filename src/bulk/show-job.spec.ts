import { fieldsOfSections } from '../settings/setting-types.js';
import { showSummary } from './show-job.js';

it('shows a summary whose fields KAFKA_RESPONSE_FILTER_INCLUDE knows', () => {
  const job = {
    status: 'COMPLETED',
    totalExperiments: 1,
    notifications: {},
    request: {},
    id: 'j',
    startedAt: new Date(),
    endedAt: new Date(),
  };
  const shown = showSummary(job as never, { processed: 1, failed: 0, existing: 0, published: 0 });
  expect(Object.keys(shown).sort()).toEqual([...fieldsOfSections.summary].sort());
});
