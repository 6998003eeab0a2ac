import { exampleContainer } from '../../../test/examples.js';
import { Targets } from '../../owners/places.js';
import { MetricProfiles } from '../../profiles/metric-profile.js';
import { TableDraft } from '../table-draft.js';
import { planChunkReads } from './plan-chunk-reads.js';
import { QuestionAggregation } from './question-aggregation.js';

const experiment = exampleContainer();

describe('QuestionAggregation', () => {
  it("drops series that the profile's query excludes but the datasource still sends", () => {
    const placed = [{ experiment, index: 0 }];
    const profile = new MetricProfiles({}).find('resource-optimization-local-monitoring')!;
    const { reads } = planChunkReads(placed, { profile, scope: 'container', stepSeconds: 900, evaluationMs: 60_000 });
    const planned = reads[0]!.questions.find(({ chunkQuestion }) => chunkQuestion.matchers[0]!.value === 'container_memory_rss')!;
    const grid = { endMs: 1_800_000, stepMs: 900_000, rows: 2, boundary: 'closed' } as const;
    const aggregation = new QuestionAggregation(planned, { read: grid, intervals: grid }, new Targets(placed, 'container'));
    const add = (labels: Record<string, string>, value: number) =>
      aggregation.add({
        question: 0,
        labels: { namespace: 'shop', container: 'app', ...labels },
        values: planned.chunkQuestion.windows.map(() => Float64Array.of(value, value)),
        firstRow: 0,
        endRow: 2,
      });
    add({ pod: 'a' }, 1);
    add({ pod: '' }, 50);
    add({}, 70);
    const draft = new TableDraft({ endSeconds: 1800, stepSeconds: 900, rows: 2 });
    aggregation.fill([draft]);
    expect(draft.finish().columns['memoryRSS.max']).toEqual(Float64Array.of(1, 1));
  });
});
