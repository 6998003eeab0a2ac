import type { PrometheusSeries } from '../../datasource/prometheus-client.js';
import { TableDraft } from '../table-draft.js';
import { attachAccelerator, detectAccelerator } from './attach-accelerator.js';

const series = (modelName: string | undefined, ...samples: [number, string][]): PrometheusSeries => ({
  labels: modelName === undefined ? {} : { modelName },
  samples,
});

function draftWith(present: number[], stepSeconds: number) {
  const draft = new TableDraft({ endSeconds: (present.length - 1) * stepSeconds, stepSeconds, rows: present.length });
  draft.present.set(present);
  draft.acceleratorModel = 'NVIDIA-A100-SXM4-40GB';
  return draft;
}

describe('detectAccelerator', () => {
  it.each([
    [['Tesla T4', 'nvidia-h100-pcie', 'NVIDIA-A100'], 'nvidia-h100-pcie'],
    [['NVIDIA H200'], 'NVIDIA H200'],
    [['Tesla T4', 'B200'], undefined],
    [[undefined, 'A100'], 'A100'],
    [[], undefined],
  ])('finds in %j the first that is supported', (models, found) => {
    expect(detectAccelerator(models.map((model) => series(model)))).toBe(found);
  });
});

describe('attachAccelerator', () => {
  const attach = (draft: TableDraft, ...answer: PrometheusSeries[]) => {
    attachAccelerator(draft, 'acceleratorCoreUsage.max', answer);
    return [...(draft.finish().columns['acceleratorCoreUsage.max'] ?? [])];
  };
  const model = 'nvidia-a100-sxm4-40gb';

  it('attaches samples to their interval and makes none', () => {
    const draft = draftWith([1, 0, 1], 900);
    expect(attach(draft, series(model, [0, '10'], [900, '20'], [1800, '30']))).toEqual([10, Number.NaN, 30]);
    expect([...draft.present]).toEqual([1, 0, 1]);
  });

  it('goes to the nearest interval within five minutes, the earlier of two', () => {
    expect(attach(draftWith([1, 0, 1], 120), series(model, [120, '20']))).toEqual([20, Number.NaN, Number.NaN]);
    expect(attach(draftWith([0, 0, 1], 120), series(model, [0, '20']))).toEqual([Number.NaN, Number.NaN, 20]);
    expect(attach(draftWith([0, 0, 0, 1], 120), series(model, [0, '20']))).toEqual([]);
  });

  it('keeps the last of several series of the model and leaves other models out', () => {
    const answer = [series(model, [0, '10']), series(model.toUpperCase(), [0, '20']), series('H100', [0, '30'])];
    expect(attach(draftWith([1], 900), ...answer)).toEqual([20]);
  });

  it('counts NaN as missing', () => expect(attach(draftWith([1], 900), series(model, [0, 'NaN']))).toEqual([]));
});
