import { readQueryPlaces } from './query-places.js';

/** The texts at the places of all selectors. */
function placesOf(text: string) {
  const { selectors = [], durations = [] } = readQueryPlaces(text) ?? {};
  const cut = ({ from, to }: { from: number; to: number }) => text.slice(from, to);
  return {
    fields: selectors.flatMap(({ fields }) => fields.map(({ field }) => field)),
    slots: selectors.flatMap(({ slots }) => slots.map(cut)),
    labels: selectors.flatMap(({ labels }) => labels.map(cut)),
    durations: durations.map(cut),
  };
}
const none = { fields: [], slots: [], labels: [], durations: [] };

describe('readQueryPlaces', () => {
  it.each([
    ['x{namespace!="" ADDITIONAL_LABEL}[$MEASUREMENT_DURATION_IN_MIN$m]'],
    ['x{a="b" , namespace  !=  \'\' ADDITIONAL_LABEL } [ $MEASUREMENT_DURATION_IN_MIN$m ]'],
    ['x { # of all\n namespace!=`` ADDITIONAL_LABEL,}[$MEASUREMENT_DURATION_IN_MIN$m]'],
  ])('finds filter, labels and window in %s', (text) =>
    expect(placesOf(text)).toEqual({
      ...none,
      fields: ['namespace'],
      labels: ['ADDITIONAL_LABEL'],
      durations: ['$MEASUREMENT_DURATION_IN_MIN$m'],
    }),
  );

  it.each([
    ['x{%s}', ['%s']],
    ['x{%s , a="b"}', ['%s ,']],
    ['x{a="b", %s}', ['%s']],
  ])('finds the slot of %s', (text, slots) => expect(placesOf(text)).toEqual({ ...none, slots }));

  it.each([
    ['label_replace(x, "a", "namespace!=\\"\\" ADDITIONAL_LABEL %s $MEASUREMENT_DURATION_IN_MIN$m", "", "")'],
    ['x{a=\'namespace!="", workload!="" ADDITIONAL_LABEL %s\'} # container!="" ADDITIONAL_LABEL %s'],
    ['x{a="b" # ADDITIONAL_LABEL\n}'],
    ['5 %s'],
    ['x{exported_namespace!="", pod!="", namespace="", namespace!="a"}'],
    ['sum by (namespace) (x)'],
  ])('finds none in %s', (text) => expect(placesOf(text)).toEqual(none));

  it('finds the window within durations and in arithmetic, with its unit where that is minutes', () => {
    const text = 'x[1h$MEASUREMENT_DURATION_IN_MIN$m] offset $MEASUREMENT_DURATION_IN_MIN$s / $MEASUREMENT_DURATION_IN_MIN$';
    const number = '$MEASUREMENT_DURATION_IN_MIN$';
    expect(placesOf(text).durations).toEqual([`${number}m`, number, number]);
  });

  it('knows nothing of what is not PromQL', () => expect(readQueryPlaces('sum(x{namespace!=""}')).toBeUndefined());
});
